"""The check for machines with a GPU, on one that has none: all of it but CUDA's own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_check import __main__ as check
from benchmarks.gpu_check import model_alone, pipeline, report, served
from common.errors import KitError
from kit.model.source.request import Request
from kit.model.source.resolving import Source, resolve

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source() -> Source:
    return resolve(Request())


def test_each_way_in_each_precision_is_timed(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_alone, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(model_alone, "MOST_SECONDS", 0.0)
    rows = model_alone.measure(source, CPU, (1,), time.monotonic() + 60)
    found = {(row["way"], row["precision"]) for row in rows}
    assert found == {(way, precision) for way in ("traced", "eager") for precision in ("fp32", "bf16", "fp16")}
    assert all(row["per_second"] == pytest.approx(1000 / row["ms"]) for row in rows)
    assert model_alone.measure(source, CPU, (1,), time.monotonic() - 1) == []


def test_a_pipeline_answers_the_photographs(source: Source) -> None:
    pictures = [path.read_bytes() for path in sorted(check.PHOTOGRAPHS.glob("*/*.jpg"))[:4]]
    (row,) = pipeline.measure(source, CPU, pictures, time.monotonic() + 60, seconds=0.2)
    assert row["per_second"] > 0


def test_what_is_counted_is_what_came_after_the_first_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(pipeline, "perf_counter", lambda: float(next(clock)))

    def batches() -> Iterator[torch.Tensor]:
        while True:
            yield torch.zeros(pipeline.BATCH, 1)

    # A look at this clock takes a second, and there is one after each batch.
    assert pipeline.per_second(lambda batch: batch, batches(), 4.0) == pipeline.BATCH


def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KitError, match="sees no GPU here"):
        check.main(30)


def test_the_report_says_what_was_reached() -> None:
    loads = [
        {"server": server, "loop": loop, "clients": 32, "per_second": rate, "p50_ms": 1.0, "p99_ms": 2.0, "errors": {}}
        for server, loop, rate in (
            ("this kit", "closed", 900.0),
            ("this kit", "open", 5000.0),
            ("stock", "closed", 60.0),
            ("stock with OMP_NUM_THREADS=1", "closed", 80.0),
        )
    ]
    document = {
        "machine": {"gpu": "a GPU"},
        "notes": ["alone: not measured: out of memory"],
        "pipeline": [
            {"pipeline": "decoded by 8 threads", "per_second": 1000.0},
            {"pipeline": "decoded by nvJPEG", "per_second": 4000.0},
        ],
        "served": loads,
    }
    text = report.text(document)
    assert "served: 0.90 of the pipeline without a server (the goal is 0.85: reached)" in text
    assert "served: 11.25 of stock TorchServe at its best (the goal is 10: reached)" in text
    assert "| this kit | closed | 32 | 900 | 1.00 | 2.00 |  |" in text
    assert "not measured: out of memory" in text
    slower = document | {"served": [loads[0] | {"per_second": 500.0}, *loads[1:]]}
    assert "0.50 of the pipeline without a server (the goal is 0.85: NOT reached)" in report.text(slower)


def test_what_was_not_measured_has_no_verdict(tmp_path: Path) -> None:
    assert report.verdicts({"served": [], "pipeline": []}) == []


def test_a_command_whose_time_is_up_may_end_what_it_started(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = f"""
import pathlib, time
try:
    print("begun", flush=True)
    time.sleep(60)
finally:
    pathlib.Path({str(ended)!r}).touch()
"""
    status, printed, _ = served.finished([sys.executable, "-c", code], os.environ, time.monotonic() + 2)
    assert (status, printed) == (None, "begun\n")
    assert ended.exists()
    assert served.finished([sys.executable, "-c", "print(1)"], os.environ, time.monotonic() + 30) == (0, "1\n", "")
