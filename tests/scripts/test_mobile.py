"""`python -m scripts.mobile` as a user runs it. ExecuTorch and ONNX, which need .venv-mobile, are in tests/mobile."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunScript, script_environment
from tests.support_models import make_workshop


def test_pytorch_mobile_ends_in_a_table_and_a_folder(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    environment = script_environment(tmp_path / "build", **workshop.variables(), MODEL_NAME="tiny", FORMAT="ptl")
    done = run_script("mobile", env=environment | {"REPEATS": "1"})
    assert done.returncode == 0, done.stderr
    rows = [line.split()[:5] for line in done.stdout.splitlines()[1:5]]
    assert rows == [
        ["ptl", precision, given, "100.0%", "100.0%"]
        for precision in ("fp32", "int8")
        for given in ("pixels", "floats")
    ]
    assert "note: int8 was calibrated on PICTURES" in done.stderr
    assert "build/mobile: a folder for each format and precision" in done.stderr
    assert "Warning" not in done.stderr
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["mobile"]


def test_json_is_the_comparison(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    environment = script_environment(tmp_path / "build", **workshop.variables(), FORMAT="ptl", PRECISION="fp32")
    done = run_script("mobile", "--json", env=environment | {"REPEATS": "1"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "build" / "mobile" / "comparison.json").read_text())


@pytest.mark.parametrize(
    ("variables", "said", "hint"),
    [
        ({"FORMAT": "tflite"}, "FORMAT=tflite is not one of pte, ptl, onnx, all", "FORMAT=pte|ptl|onnx|all"),
        ({"PRECISION": "bf16"}, "PRECISION=bf16 is not a precision for phones", "PRECISION=fp32|int8"),
        ({"FORMAT": "onnx", "PRECISION": "int8"}, "FORMAT=onnx is made in fp32 only", "FORMAT=pte"),
        ({"WEIGHTS": "absent.pt"}, "the weights absent.pt do not exist", "WEIGHTS="),
        ({"MIN_AGREEMENT": "most"}, "MIN_AGREEMENT=most is not a number", "98 if not given"),
    ],
)
def test_wrong_use_ends_with_2_and_a_mend(
    tmp_path: Path, run_script: RunScript, variables: dict[str, str], said: str, hint: str
) -> None:
    done = run_script("mobile", env=script_environment(tmp_path, **variables))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert hint in done.stderr.partition("hint:")[2]
    assert list(tmp_path.iterdir()) == []


def test_without_executorch_it_says_what_brings_it(tmp_path: Path, run_script: RunScript) -> None:
    done = run_script("mobile", env=script_environment(tmp_path, FORMAT="pte"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "ExecuTorch needs executorch and torchao" in done.stderr
    assert "make mobile" in done.stderr.partition("hint:")[2]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
