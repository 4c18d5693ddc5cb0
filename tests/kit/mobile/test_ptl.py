"""PyTorch Mobile, which torch alone makes and runs. The other formats are in tests/mobile."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from common.errors import KitError
from kit.mobile.formats import ptl
from kit.mobile.formats.choice import FORMATS, PhoneTarget
from kit.mobile.making import Made, Maker, worst
from kit.model.checks.accuracy_gate import Gate
from kit.model.deprecated import lite, torchscript
from tests.support_models import Workshop


def test_files_answer_like_the_original(made: Made) -> None:
    assert [file.path.name for file in made.files] == ["tiny-pixels.ptl", "tiny-floats.ptl"]
    for file in made.files:
        assert file.measured.agreement == file.measured.accuracy(1) == 1.0
        assert file.measured.largest_difference < 1e-5
        assert file.build["bytecode_version"] == 8
        assert "aten::softmax.int" in file.build["operators"]
    assert [(file.input.dtype, file.input.shape) for file in made.files] == [
        ("uint8", (1, 32, 32, 3)),
        ("float32", (1, 3, 32, 32)),
    ]
    assert {file.output.shape for file in made.files} == {(1, 3)}


def test_int8_is_for_the_engine_of_phones_and_passes_the_gate(maker: Maker, tmp_path: Path) -> None:
    made = maker.make(PhoneTarget(FORMATS["ptl"], "int8"), tmp_path)
    assert made.quantization == {
        "pictures": 6,
        "observer": "histogram",
        "between_layers": True,
        "biases_corrected": False,
        "layers_in_float": ["head"],
    }
    assert [file.measured.agreement for file in made.files] == [1.0, 1.0]
    assert {file.build["quantized_engine"] for file in made.files} == {"qnnpack"}
    assert any(name.startswith("quantized::conv2d") for name in made.files[0].build["operators"])
    assert torch.backends.quantized.engine == "qnnpack"


def test_bytes_are_the_same_each_time_and_everywhere(maker: Maker, made: Made, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    again = maker.make(made.target, elsewhere)
    for first, second in zip(made.files, again.files, strict=True):
        assert first.path.read_bytes() == second.path.read_bytes()
        assert str(tmp_path).encode() not in first.path.read_bytes()
    assert sorted(path.suffix for path in elsewhere.iterdir()) == [".ptl", ".ptl"]


def test_a_torch_without_xnnpack_is_not_asked_to_optimize(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = torchscript.trace(torch.nn.ReLU(), torch.zeros(1))
    monkeypatch.setattr(torch._C, "_is_xnnpack_enabled", lambda: False)
    assert lite.optimized(traced) == (traced, lite.FROZEN)


def test_a_torch_with_xnnpack_optimizes(monkeypatch: pytest.MonkeyPatch) -> None:
    traced, better = (torchscript.trace(torch.nn.ReLU(), torch.zeros(1)) for _ in range(2))
    monkeypatch.setattr(torch._C, "_is_xnnpack_enabled", lambda: True)
    monkeypatch.setattr("torch.utils.mobile_optimizer.optimize_for_mobile", {traced: better}.__getitem__)
    assert lite.optimized(traced) == (better, lite.OPTIMIZED)


def test_this_torch_says_what_it_did(made: Made) -> None:
    enabled = torch._C._is_xnnpack_enabled()
    assert {file.build["optimization"] for file in made.files} == {lite.OPTIMIZED if enabled else lite.FROZEN}


def test_a_file_that_answers_otherwise_does_not_pass(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upside_down(model: torch.nn.Module, example: torch.Tensor, path: Path, engine: str) -> dict[str, object]:
        return build(Flipped(model), example, path, engine)

    build = ptl.build
    monkeypatch.setattr(ptl, "build", upside_down)
    with pytest.raises(KitError) as refused:
        maker.make(PhoneTarget(FORMATS["ptl"], "fp32"), tmp_path)
    assert "does not answer like the original, so nothing was written" in refused.value.message
    assert "red_0.png: red by the original, blue by the exported model" in refused.value.message


class Flipped(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.model(picture)
        return made.flip(1)


def test_a_network_that_cannot_be_traced_is_said_in_its_owners_terms(workshop: Workshop, maker: Maker) -> None:
    class Untraceable(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no way")

    with pytest.raises(KitError, match="cannot be traced: no way"):
        ptl.build(Untraceable(), torch.zeros(1), workshop.folder / "x.ptl", "")
    assert not (workshop.folder / "x.ptl").exists()


def test_of_two_inputs_the_one_that_misses_the_gate_decides(made: Made) -> None:
    pixels = made.files[0].measured
    other = replace(pixels, exported=pixels.exported.flip(1))
    passing = Gate("int8", agreement=98, accuracy_drop=1, difference=None)
    assert worst([pixels, other], passing) is worst([other, pixels], passing) is other
