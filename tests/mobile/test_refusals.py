"""What ExecuTorch and ONNX do not take, or do not do well enough; and that they write the same bytes again."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from kit.errors import KitError
from kit.mobile.choice import FORMATS, Target, targets
from kit.mobile.making import Maker
from kit.mobile.run import mobile
from kit.model.source import checked_on, resolve
from tests.mobile.conftest import Delivery
from tests.support_models import Workshop, make_workshop, state

pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize(("format_name", "precision"), [("pte", "fp32"), ("pte", "int8"), ("onnx", "fp32")])
def test_bytes_are_the_same_each_time(
    format_name: str, precision: str, tiny: Delivery, workshop: Workshop, tmp_path: Path
) -> None:
    source = resolve(workshop.request())
    maker = Maker(source, workshop.request(), checked_on(workshop.request(), source.labels).pictures, "tiny")
    target = Target(FORMATS[format_name], precision)
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
    assert "PRECISION=fp32" in refused.value.mend
    assert list((tmp_path / "build").iterdir()) == []


@pytest.mark.parametrize(("format_name", "said"), [("pte", "torch.export"), ("onnx", "cannot be exported to ONNX")])
def test_a_network_that_cannot_be_followed_is_said_so(
    format_name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    workshop = make_workshop(tmp_path / "workshop")
    arch = workshop.write_network(
        "branching.py",
        """
from net import Tiny

class Branching(Tiny):
    def forward(self, x):
        return super().forward(x) if x.mean().item() > -100 else super().forward(-x)

def make(num_classes):
    return Branching(num_classes)
""",
    )
    with pytest.raises(KitError) as refused:
        mobile(workshop.request(arch=arch), targets(format_name, "fp32"), repeats=1)
    assert said in refused.value.message
    assert refused.value.mend
    assert list((tmp_path / "build").iterdir()) == []
