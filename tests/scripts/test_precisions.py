"""`python -m scripts.precisions` as a user runs it: the table, the JSON and the picture."""

import json
from pathlib import Path

from PIL import Image

from tests.conftest import RunScript, script_environment
from tests.support_models import make_workshop


def test_all_that_this_machine_can_run_are_compared(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    environment = script_environment(tmp_path / "build", **workshop.variables())
    done = run_script("precisions", env=environment | {"REPEATS": "1", "PRECISION": "fp16", "MODEL_NAME": "tiny"})
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "build" / "bench" / "precisions.json").read_text())
    rows = {row["precision"]: row for row in document["precisions"]}
    assert list(rows) == ["fp32", "bf16", "fp16", "int8"]
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()}
    for name in ("fp32", "int8"):
        row = rows[name]
        assert (row["accuracy"], row["agreement"], row["left_out"]) == (1.0, 1.0, "")
        assert lines[name][1:3] == ["100.0%", "100.0%"]
        assert f"{row['latency']['median']:.1f}" in lines[name]
        assert f"{row['memory'] / 1e6:.0f}" in lines[name]
        assert row["images_per_second"]["median"] > 0
    for name, row in rows.items():
        assert (f"{name}:" in lines) is bool(row["left_out"])
    assert rows["int8"]["quantization"]["layers_in_float"] == ["head"]
    with Image.open(tmp_path / "build" / "bench" / "precisions.png") as picture:
        assert picture.format == "PNG"
    assert {path.name for path in (tmp_path / "build" / "bench").iterdir()} == {"precisions.json", "precisions.png"}


def test_a_model_that_cannot_be_exported_ends_with_1_and_its_reason(tmp_path: Path, run_script: RunScript) -> None:
    workshop = make_workshop(tmp_path / "workshop")
    workshop.weights.write_bytes(b"")
    done = run_script("precisions", env=script_environment(tmp_path / "build", **workshop.variables()))
    assert (done.returncode, done.stdout) == (1, "")
    assert "tiny.safetensors are an empty file" in done.stderr
    assert not (tmp_path / "build").exists()
