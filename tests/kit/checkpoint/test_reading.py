import argparse
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from common.errors import KitError
from kit.checkpoint import reading

WEIGHTS = {"layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3)}


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin", "weights"])
@pytest.mark.parametrize("form", ["safetensors", "torch", "old torch"])
def test_a_file_is_read_for_what_it_is_whatever_its_name(tmp_path: Path, name: str, form: str) -> None:
    if form == "safetensors":
        save_file(WEIGHTS, str(tmp_path / name))
    else:
        torch.save(WEIGHTS, tmp_path / name, _use_new_zipfile_serialization=form == "torch")
    read = reading.read(tmp_path / name)
    assert torch.equal(read["layer.weight"], WEIGHTS["layer.weight"])


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
        reading.read(file)
    assert "evil.pt was not loaded: its pickle wants" in raised.value.message
    assert "torch.save" in raised.value.hint
    assert not trap.exists()


def test_a_whole_pickled_network_is_refused_by_the_name_of_its_class(tmp_path: Path) -> None:
    torch.save(nn.Bilinear(2, 2, 2), tmp_path / "model.pt")
    with pytest.raises(
        KitError, match=r"it is a whole network, .* to call torch\.nn\.modules\.linear\.Bilinear"
    ) as raised:
        reading.read(tmp_path / "model.pt")
    assert "state_dict" in raised.value.hint


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("form", ["a whole network", "a network under a key", "a pickled extra", "an extra, no key"])
def test_the_line_that_a_refusal_gives_saves_the_weights_alone(tmp_path: Path, form: str, old: bool) -> None:
    network = nn.Linear(3, 2)
    content: Any = {
        "a whole network": network,
        "a network under a key": {"epoch": 3, "model": network},
        "a pickled extra": {"args": argparse.Namespace(lr=1), "state_dict": network.state_dict(), "model": "resnet"},
        "an extra, no key": {**network.state_dict(), "args": argparse.Namespace(lr=1)},
    }[form]
    torch.save(content, tmp_path / "it's.pt", _use_new_zipfile_serialization=not old)
    with pytest.raises(KitError) as raised:
        reading.read(tmp_path / "it's.pt")
    line = raised.value.hint.splitlines()[-1].strip().replace("python ", f"{sys.executable} ", 1)
    subprocess.run(["sh", "-c", line], check=True, cwd=tmp_path)
    if form == "an extra, no key":
        assert "args" in torch.load(tmp_path / "weights.pt", weights_only=False)
    else:
        assert torch.equal(reading.read(tmp_path / "weights.pt")["weight"], network.weight)


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.safetensors"])
@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "zeros", "noise"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, name: str, damage: str) -> None:
    file = tmp_path / name
    if name.endswith("safetensors"):
        save_file({"a": torch.zeros(4000)}, str(file))
    else:
        torch.save({"a": torch.zeros(4000)}, file)
    whole = file.read_bytes()
    noise = whole[:300] + bytes(range(200)) + whole[500:]
    content = {
        "empty": b"",
        "text": b"hello",
        "truncated": whole[: len(whole) // 2],
        "zeros": bytes(5000),
        "noise": noise,
    }
    file.write_bytes(content[damage])
    if damage == "noise" and name.endswith("safetensors"):
        reading.read(file)  # only figures were changed
        return
    with pytest.raises(KitError, match=name) as raised:
        reading.read(file)
    assert raised.value.exit_status == 1
    assert raised.value.hint
