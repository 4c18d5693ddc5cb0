from pathlib import Path

import pytest
import yaml

from common.errors import UsageError
from kit.bundle.documents import gate_limits
from kit.profiles import CONFIG, Profile

EDGE = Profile("edge", CONFIG / "edge", "a test's")


def profile(folder: Path, section: object) -> Profile:
    (folder / "model-config.yaml").write_text(yaml.safe_dump({"gate": section}))
    return Profile("own", folder, "a test's")


def test_the_edge_profile_has_every_limit() -> None:
    assert set(gate_limits.of(EDGE, "onnx", 1)) == set(gate_limits.LIMITS)


def test_torch_in_a_profile_for_onnx_runtime_has_more_memory_and_no_more_of_anything_else() -> None:
    own, torch = gate_limits.of(EDGE, "onnx", 1), gate_limits.of(EDGE, "torch", 1)
    more = {name: torch[name] - own[name] for name in own if torch[name] != own[name]}
    assert more == dict.fromkeys(("memory_mb", "memory_free_mb", "second_worker_mb"), gate_limits.TORCH_MB)


def test_a_profile_without_a_gate_is_refused_with_where_to_copy_one_from(tmp_path: Path) -> None:
    (tmp_path / "model-config.yaml").write_text("minWorkers: 1\n")
    with pytest.raises(UsageError, match="could not tell a good release from a bad one") as raised:
        gate_limits.of(Profile("mine", tmp_path, "a test's"), "torch", 1)
    assert "config/edge/model-config.yaml" in raised.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"p99_ms": 5}, "gate: p99_ms is not a limit"),
        ({"p95_ms": None}, "gate: p95_ms is None"),
        ({"requests": 0}, "gate: requests is 0"),
        ({"memory_mb": True}, "gate: memory_mb is True"),
        ({"ready_seconds": "two minutes"}, "gate: ready_seconds is 'two minutes'"),
    ],
)
def test_a_limit_that_cannot_be_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        gate_limits.of(profile(tmp_path, {**gate_limits.of(EDGE, "onnx", 1), **change}), "onnx", 1)


@pytest.mark.parametrize(("name", "workers"), [("edge", 1), ("onprem", 0), ("cloud-gpu", 0)])
def test_every_profile_of_the_kit_has_a_gate(name: str, workers: int) -> None:
    assert gate_limits.of(Profile(name, CONFIG / name, "a test's"), "torch", workers)


def test_a_limit_that_is_missing_is_named_with_its_unit(tmp_path: Path) -> None:
    section = gate_limits.of(EDGE, "onnx", 1)
    del section["second_worker_mb"]
    with pytest.raises(UsageError, match="gate: second_worker_mb is missing") as raised:
        gate_limits.of(profile(tmp_path, section), "onnx", 1)
    assert "MB" in raised.value.hint


def test_a_profile_with_a_worker_for_each_processor_says_what_each_of_them_takes(tmp_path: Path) -> None:
    onprem = gate_limits.of(Profile("onprem", CONFIG / "onprem", "a test's"), "torch", 0)
    assert set(onprem) == {*gate_limits.LIMITS, "more_worker_mb"}
    with pytest.raises(UsageError, match="gate: more_worker_mb is missing"):
        gate_limits.of(profile(tmp_path, gate_limits.of(EDGE, "onnx", 1)), "onnx", 0)


def test_a_profile_that_has_its_number_of_workers_needs_no_word_on_more() -> None:
    with pytest.raises(UsageError, match="gate: more_worker_mb is not a limit here"):
        gate_limits.of(Profile("onprem", CONFIG / "onprem", "a test's"), "torch", 1)
