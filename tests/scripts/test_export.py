"""`python -m scripts.export` as a user runs it: what it says, its exit status, what it leaves."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunScript, script_environment
from tests.support_models import make_workshop


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Path:
    """The embedded model's build folder, exported with nothing but a profile."""
    folder = tmp_path_factory.mktemp("embedded")
    profile = make_workshop(folder / "workshop").profile.folder
    done = run_script("export", "--json", env=script_environment(folder / "build", PROFILE=str(profile)))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((folder / "build" / "bench" / "export.json").read_text())
    return folder / "build" / "bench"


def test_the_embedded_model_is_as_good_as_its_card_says(embedded: Path) -> None:
    report = json.loads((embedded / "export.json").read_text())
    measured = report["comparison"]
    assert measured["pictures"] == 215
    assert round(measured["top1_accuracy"] * 215) == 142
    assert measured["top5_accuracy"] == pytest.approx(0.916, abs=0.001)
    assert measured["top1_agreement"] == 1.0
    assert measured["largest_difference"] < 1e-3
    assert (report["architecture"], report["classes"], report["precision"]) == ("resnet18", 43, "fp32")


def test_five_golden_pictures_are_left(embedded: Path) -> None:
    listed = json.loads((embedded / "golden" / "golden.json").read_text())
    assert len(listed["pictures"]) == 5
    assert len({next(iter(row["expected"])) for row in listed["pictures"]}) == 5
    assert all(len(row["expected"]) == 5 for row in listed["pictures"])
    assert all((embedded / "golden" / row["file"]).is_file() for row in listed["pictures"])


def test_an_own_model_is_shown_as_a_table_with_remarks(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    done = run_script("export", env=script_environment(tmp_path / "build", **workshop.variables(), MODEL_NAME="mine"))
    assert done.returncode == 0, done.stderr
    rows = {line[:10].strip(): line[10:].strip() for line in done.stdout.splitlines()}
    assert rows["model"] == "mine (net.py:make, 3 classes)"
    assert rows["agreement"].startswith("100.0% same first answer on ")
    assert rows["accuracy"].startswith("top-1 100.0%")
    assert "note: labels: labels.txt, found beside the weights" in done.stderr


@pytest.mark.parametrize(
    ("variables", "said", "hint"),
    [
        ({"ARCH": "resnet5O"}, "ARCH=resnet5O needs weights", "WEIGHTS=imagenet"),
        ({"ARCH": "resnet5O", "WEIGHTS": "imagenet"}, "not a classification network", "resnet50"),
        ({"WEIGHTS": "absent.pt"}, "the weights absent.pt do not exist", "WEIGHTS="),
        ({"PROFILE": "nowhere"}, "no profile 'nowhere'", "onprem"),
        ({"PICTURES": "nowhere"}, "PICTURES=nowhere: nowhere does not exist", "PICTURES="),
        ({"CALIBRATION": "nowhere"}, "CALIBRATION=nowhere: nowhere does not exist", "CALIBRATION="),
        ({"PRECISION": "int4"}, "PRECISION=int4 is not one of", "PRECISION=fp32|bf16"),
        ({"MIN_AGREEMENT": "most"}, "MIN_AGREEMENT=most is not a number", "98 if not given"),
    ],
)
def test_wrong_use_ends_with_2_and_a_mend(
    tmp_path: Path, run_script: RunScript, variables: dict[str, str], said: str, hint: str
) -> None:
    done = run_script("export", env=script_environment(tmp_path, **({"PROFILE": "onprem"} | variables)))
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert hint in done.stderr.partition("hint:")[2]
    assert "Traceback" not in done.stderr


def test_a_failure_ends_with_1(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    workshop.weights.write_bytes(b"")
    done = run_script("export", env=script_environment(tmp_path / "build", **workshop.variables()))
    assert (done.returncode, done.stdout) == (1, "")
    assert "tiny.safetensors are an empty file" in done.stderr


def test_pretrained_weights_offline_fail_soon_and_say_where_the_file_goes(
    tmp_path: Path, run_script: RunScript
) -> None:
    offline = {"TORCH_HOME": str(tmp_path / "cache"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    environment = script_environment(tmp_path, PROFILE="onprem", ARCH="resnet50", WEIGHTS="imagenet", **offline)
    done = run_script("export", env=environment, timeout=60)
    assert done.returncode == 1
    assert str(tmp_path / "cache" / "hub" / "checkpoints" / "resnet50-11ad3fa6.pth") in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
