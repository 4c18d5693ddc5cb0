"""The embedded model and photographs held apart, split once; `python -m benchmarks.drift` does it many times."""

from __future__ import annotations

import pytest

from benchmarks.drift import __main__ as benchmark
from benchmarks.drift.cases import CHANGES, FROZEN, NOTHING, UNSEEN, embedded


def test_what_goes_wrong_is_seen_within_500_pictures_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "QUIET_WINDOWS", 30)
    seen, alarms = benchmark.measure(benchmark.Observed(embedded()), seed=1)
    assert alarms == 0
    assert set(seen) == {*CHANGES, FROZEN, UNSEEN} - {NOTHING}
    for case, found in seen.items():
        assert found.delay is not None and found.delay <= 500, case
    assert "darker" in seen["dark (a quarter of the light)"].words
    assert "blurred" in seen["blurred"].words
    assert "bluer" in seen["colour channels swapped"].words
