import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kit.errors import KitError
from kit.model import checkpoint

WEIGHTS = {"layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3)}


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": WEIGHTS, "optimizer": {}},
        {"model_state_dict": WEIGHTS},
        {"state_dict": {f"module.{name}": value for name, value in WEIGHTS.items()}},
        {f"module._orig_mod.{name}": value for name, value in WEIGHTS.items()},
        {name: value.half() for name, value in WEIGHTS.items()},
        {name: value.double() for name, value in WEIGHTS.items()},
    ],
)
def test_the_usual_wrappings_come_off(tmp_path: Path, content: dict[str, Any]) -> None:
    torch.save(content, tmp_path / "weights.pt")
    read = checkpoint.read(tmp_path / "weights.pt")
    assert list(read) == ["layer.weight"]
    assert read["layer.weight"].dtype == torch.float32
    assert torch.equal(read["layer.weight"], WEIGHTS["layer.weight"])


def test_safetensors_in_half_precision_becomes_float32(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2, dtype=torch.float16), "n": torch.tensor(3)}, str(tmp_path / "w.safetensors"))
    read = checkpoint.read(tmp_path / "w.safetensors")
    assert (read["a"].dtype, read["n"].dtype) == (torch.float32, torch.int64)


def test_names_of_old_densenets_are_understood(tmp_path: Path) -> None:
    torch.save({"features.denseblock1.denselayer1.norm.1.weight": torch.ones(1)}, tmp_path / "w.pt")
    assert list(checkpoint.read(tmp_path / "w.pt")) == ["features.denseblock1.denselayer1.norm1.weight"]


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trap,)


@pytest.mark.parametrize("form", ["torch", "old torch", "pickle"])
def test_a_file_that_wants_to_run_code_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    file, trap = tmp_path / "evil.pt", tmp_path / "sprung"
    if form == "pickle":
        file.write_bytes(pickle.dumps({"a": Evil(trap)}))
    else:
        torch.save({"a": Evil(trap)}, file, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(KitError) as raised:
        checkpoint.read(file)
    assert "evil.pt was not loaded: its pickle wants" in raised.value.message
    assert "safetensors" in raised.value.mend
    assert not trap.exists()


def test_a_whole_pickled_model_is_refused_by_the_name_of_its_class(tmp_path: Path) -> None:
    torch.save(nn.Bilinear(2, 2, 2), tmp_path / "model.pt")
    with pytest.raises(KitError, match=r"wants to call torch\.nn\.modules\.linear\.Bilinear") as raised:
        checkpoint.read(tmp_path / "model.pt")
    assert "state_dict()" in raised.value.mend


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.safetensors"])
@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "zeros"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, name: str, damage: str) -> None:
    file = tmp_path / name
    if name.endswith("safetensors"):
        save_file({"a": torch.zeros(4000)}, str(file))
    else:
        torch.save({"a": torch.zeros(4000)}, file)
    whole = file.read_bytes()
    content = {"empty": b"", "text": b"hello", "truncated": whole[: len(whole) // 2], "zeros": bytes(5000)}
    file.write_bytes(content[damage])
    with pytest.raises(KitError, match=name) as raised:
        checkpoint.read(file)
    assert raised.value.exit_status == 1
    assert raised.value.mend


def test_a_file_without_tensors_is_no_state_dict(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": {"layer": "text"}}, tmp_path / "w.pt")
    with pytest.raises(KitError, match="holds no state dict"):
        checkpoint.read(tmp_path / "w.pt")
