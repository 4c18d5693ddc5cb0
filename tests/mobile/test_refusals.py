"""What ExecuTorch and ONNX do not take, or do not do well enough; and that they write the same bytes again."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from common.errors import KitError
from kit.mobile.formats import runtimes
from kit.mobile.formats.choice import FORMATS, PhoneTarget, targets
from kit.mobile.making import Maker
from kit.mobile.run import mobile
from kit.model.source.resolving import checked_on, resolve
from tests.mobile.conftest import Delivery
from tests.support_models import Workshop, make_workshop, state

pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize(("format_name", "precision"), [("pte", "fp32"), ("pte", "int8"), ("onnx", "fp32")])
def test_bytes_are_the_same_each_time(
    format_name: str, precision: str, tiny: Delivery, workshop: Workshop, tmp_path: Path
) -> None:
    source = resolve(workshop.request())
    maker = Maker(source, workshop.request(), checked_on(workshop.request(), source.labels).pictures, "tiny")
    target = PhoneTarget(FORMATS[format_name], precision)
    for file in maker.make(target, tmp_path).files:
        assert file.path.read_bytes() == (tiny.folder / target.folder("tiny") / file.path.name).read_bytes()


def test_int8_that_misses_the_gate_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One channel that nobody asks is ten thousand times the others, which eight bits then have no steps for."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    workshop = make_workshop(tmp_path / "workshop")
    weights = state()
    weights["convolution.bias"][7] = 1e4
    save_file(weights, str(workshop.weights))
    with pytest.raises(KitError) as refused:
        mobile(workshop.request(), targets("pte", "int8"), repeats=1)
    assert "nothing was written" in refused.value.message
    assert "the best of 1 recipes of PT2E" in refused.value.message
    assert "PRECISION=fp32" in refused.value.hint
    assert list((tmp_path / "build").iterdir()) == []


def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str, forward: str) -> KitError:
    """What is said of a network whose forward() does that, and of which nothing is written."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    workshop = make_workshop(tmp_path / "workshop")
    text = f"""
from net import Tiny, nn

class Other(Tiny):
    def forward(self, x):
        {forward}

def make(num_classes):
    return Other(num_classes)
"""
    with pytest.raises(KitError) as refused:
        mobile(workshop.request(arch=workshop.write_network("other.py", text)), targets(format_name, "fp32"), repeats=1)
    assert list((tmp_path / "build").iterdir()) == []
    return refused.value


@pytest.mark.parametrize(("format_name", "said"), [("pte", "torch.export"), ("onnx", "cannot be exported to ONNX")])
def test_a_network_that_cannot_be_followed_is_said_so(
    format_name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusal(
        tmp_path,
        monkeypatch,
        format_name,
        "return super().forward(x) if x.mean().item() > -100 else super().forward(-x)",
    )
    assert said in refused.message
    assert refused.hint


def test_an_operation_that_executorch_has_no_kernel_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = refusal(tmp_path, monkeypatch, "pte", "return super().forward(nn.functional.local_response_norm(x, 3))")
    assert "has no kernel for aten::avg_pool3d.out" in refused.message
    assert "FORMAT=onnx" in refused.hint
    assert "operator_registry" not in capfd.readouterr().err


@pytest.mark.parametrize("ending", ["pte", "onnx", "ptl"])
def test_a_file_that_its_runtime_does_not_load_is_a_sentence(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"tiny-pixels.{ending}"
    file.write_bytes(b"not one of these at all" * 10)
    with pytest.raises(KitError, match=f"tiny-pixels.{ending} was made, but .*runtime cannot load it"):
        runtimes.load(file, "fp32")


@pytest.mark.parametrize("ending", ["pte", "onnx", "ptl"])
def test_a_file_that_its_runtime_does_not_run_is_a_sentence(ending: str, tiny: Delivery) -> None:
    target = PhoneTarget(FORMATS[ending], "fp32")
    loaded = runtimes.load(next((tiny.folder / target.folder("tiny")).glob(f"*-floats.{ending}")), "fp32")
    with pytest.raises(KitError, match="its runtime cannot run it") as refused:
        loaded.run(torch.zeros(1, 7, 32, 32))
    assert f"FORMAT={ending}" not in refused.value.hint
