"""ExecuTorch and ONNX with a small network: bytes, refusals, and networks that cannot be followed."""

import hashlib
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.conftest import RunScript, script_environment
from tests.support_models import Workshop, make_workshop, state

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return make_workshop(tmp_path / "workshop")


def test_bytes_are_the_same_in_another_process_and_folder(
    workshop: Workshop, tmp_path: Path, run_script: RunScript
) -> None:
    digests = []
    for name in ("one", "two"):
        variables = {**workshop.variables(), "MODEL_NAME": "tiny", "REPEATS": "1"}
        done = run_script("mobile", env=script_environment(tmp_path / name, **variables), timeout=1000)
        assert done.returncode == 0, done.stderr
        files = sorted(path for path in (tmp_path / name).rglob("tiny-*.*"))
        digests.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    assert len(digests[0]) == 6
    assert digests[0] == digests[1]


def test_int8_that_misses_the_gate_is_not_written(workshop: Workshop, tmp_path: Path, run_script: RunScript) -> None:
    """One channel that nobody asks is ten thousand times the others, which eight bits then have no steps for."""
    weights = state()
    weights["convolution.bias"][7] = 1e4
    save_file(weights, str(workshop.weights))
    variables = {**workshop.variables(), "FORMAT": "pte", "PRECISION": "int8", "REPEATS": "1"}
    done = run_script("mobile", env=script_environment(tmp_path / "build", **variables), timeout=1000)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was written" in done.stderr
    assert "the best of 1 recipes of PT2E" in done.stderr
    assert "PRECISION=fp32" in done.stderr.partition("mend:")[2]
    assert not list((tmp_path / "build").rglob("*"))


@pytest.mark.parametrize(("format_name", "said"), [("pte", "torch.export"), ("onnx", "cannot be exported to ONNX")])
def test_a_network_that_cannot_be_followed_is_said_so(
    format_name: str, said: str, workshop: Workshop, tmp_path: Path, run_script: RunScript
) -> None:
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
    variables = {**workshop.variables(), "ARCH": arch, "FORMAT": format_name, "PRECISION": "fp32"}
    done = run_script("mobile", env=script_environment(tmp_path / "build", **variables), timeout=1000)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "mend:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "build").rglob("*"))
