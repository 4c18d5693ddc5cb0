import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

from common.durable import sha256
from common.errors import KitError
from kit.model.deprecated import backend, torchscript
from kit.model.servable import Servable, example
from kit.model.source.preprocessing import Preprocessing

STEPS = Preprocessing(20, 16, "bilinear", True, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(784, 5)).eval()


def servable(precision: str = "fp32") -> Servable:
    return backend.servable(network(), STEPS, precision, nn.Softmax(dim=1))


def test_the_same_module_gives_the_same_bytes_under_any_name_and_at_any_time(tmp_path: Path) -> None:
    def build(name: str) -> str:
        traced = torchscript.trace(servable(), example(2, 16))
        torchscript.save(traced, tmp_path / name)
        return sha256(tmp_path / name)

    assert len({build(name) for name in ("model.pt", ".model.pt.x7", "other")}) == 1


def test_two_at_once_write_the_same(tmp_path: Path) -> None:
    traced = torchscript.trace(servable(), example(2, 16))
    files = [tmp_path / str(index) for index in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: torchscript.save(traced, file), files))
    assert len({sha256(file) for file in files}) == 1


def test_no_path_of_this_machine_is_in_the_file(tmp_path: Path) -> None:
    torchscript.save(torchscript.trace(servable(), example(2, 16)), tmp_path / "m.pt")
    with zipfile.ZipFile(tmp_path / "m.pt") as archive:
        assert not [name for name in archive.namelist() if "debug" in name or "mangle" in name]
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert str(Path(torch.__file__).parent).encode() not in content
    assert b"m.pt" not in content


def test_what_is_loaded_answers_like_what_was_saved(tmp_path: Path) -> None:
    for precision, near in (("fp32", 1e-5), ("bf16", 2e-2), ("fp16", 1e-2)):
        original = servable()
        torchscript.save(
            torchscript.trace(servable(precision), example(2, 16)),
            tmp_path / "m.pt",
        )
        loaded = torchscript.load(tmp_path / "m.pt")
        pictures = example(7, 16)
        with torch.inference_mode():
            found, wanted = loaded(pictures), original(pictures)
        assert found.dtype == torch.float32
        assert (found - wanted).abs().max() < near
        assert torch.allclose(found.sum(dim=1), torch.ones(7), atol=1e-3)


def test_the_engine_travels_in_the_file_and_is_set_before_loading(tmp_path: Path) -> None:
    traced = torchscript.trace(servable(), example(2, 16))
    torchscript.save(traced, tmp_path / "plain.pt")
    assert torchscript.engine_of(tmp_path / "plain.pt") == ""
    torchscript.save(traced, tmp_path / "m.pt", "qnnpack")
    torch.backends.quantized.engine = "x86"
    torchscript.load(io.BytesIO((tmp_path / "m.pt").read_bytes()))
    assert torch.backends.quantized.engine == "qnnpack"


def test_an_engine_that_this_torch_has_not_is_a_sentence(tmp_path: Path) -> None:
    traced = torchscript.trace(servable(), example(2, 16))
    torchscript.save(traced, tmp_path / "m.pt", "abacus")
    with pytest.raises(KitError, match=r"for the engine abacus; torch has .*qnnpack") as raised:
        torchscript.load(tmp_path / "m.pt")
    assert "PLATFORM=" in raised.value.hint


def test_half_precision_leaves_the_original_network_alone() -> None:
    original = network()
    backend.servable(original, STEPS, "fp16", nn.Softmax(dim=1))
    assert next(original.parameters()).dtype == torch.float32
