"""A soak over boxes in this process: their records decide whether the next wave goes."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.watch.record import recorder
from kit.fleet.host.result import Kind
from kit.fleet.inventory.fleet import WaveRule
from kit.fleet.rollout import journal
from kit.fleet.rollout.journal import Record
from kit.fleet.rollout.wave_engine import Verdict
from kit.fleet.soak import watching
from tests.kit.fleet.conftest import Shop, results
from tests.kit.report.conftest import minute

NAMES = [f"b{number}" for number in range(1, 6)]


@pytest.fixture
def soaking(shop: Shop, tmp_path: Path) -> Shop:
    """Every box has r0, and a record of the hour before."""
    shop.deploy("r0")
    shop.fleet = replace(shop.fleet, waves=(WaveRule(count=1), WaveRule(count=2)), soak=0.05)
    now = int(time.time()) // 60 * 60
    for name in NAMES:
        shop.state(name)["record"] = str(tmp_path / f"{name}.sqlite")
        write(shop, name, {now - 60 * number: minute(20) for number in range(2, 60)})
    return shop


def write(shop: Shop, name: str, minutes: dict[int, dict[str, int]], *events: tuple[float, str, str]) -> None:
    with closing(recorder.connect(Path(shop.state(name)["record"]))) as connection:
        recorder.write(connection, minutes, list(events))


def busy(shop: Shop, **more: dict[str, int]) -> None:
    """A minute of the soak on every box; `more` of those named."""
    later = int(time.time()) // 60 * 60 + 120
    for name in NAMES:
        write(shop, name, {later: minute(200) | more.get(name, {})})


def soaks(shop: Shop) -> list[dict[str, Any]]:
    from common import json_lines

    events = json_lines.read(shop.workspace().folder / journal.ROLLOUT)
    return [event for event in events if event["event"] == "soak"]


def test_waves_go_on_while_boxes_do_not_differ(soaking: Shop) -> None:
    busy(soaking)
    report = soaking.deploy("r1")
    assert report.verdict is Verdict.DONE
    assert soaking.confirmed() == ["r1"] * 5
    first, second = soaks(soaking)
    assert (first["new"], first["old"]) == (["b1"], ["b2", "b3", "b4", "b5"])
    assert (sorted(second["new"]), second["old"]) == (["b1", "b2", "b3"], ["b4", "b5"])
    assert first["differences"] == second["differences"] == []


def test_a_canary_that_fails_more_is_taken_back_and_no_other_box_is_touched(soaking: Shop) -> None:
    busy(soaking, b1={"gateway=500": 40})
    report = soaking.deploy("r1")
    assert report.verdict is Verdict.TAKEN_BACK
    assert report.reason.startswith("wave 1, soak: b1: 16.7% of its answers failed")
    assert soaking.confirmed() == ["r0"] * 5
    assert results(report)["b1"].kind is Kind.BACK
    assert soaking.locks() == []


def test_drift_that_begins_with_the_release_is_a_difference(soaking: Shop) -> None:
    busy(soaking)
    write(soaking, "b1", {}, (time.time() + 60, "alert", "VisionDrift: darker"))
    assert soaking.deploy("r1").reason == "wave 1, soak: b1: VisionDrift: darker"


def test_an_alert_that_a_box_had_with_its_old_release_is_none(soaking: Shop) -> None:
    write(soaking, "b1", {}, (time.time() - 600, "alert", "VisionHot: 85 °C"))
    busy(soaking)
    write(soaking, "b1", {}, (time.time() + 60, "alert", "VisionHot: 85 °C"))
    assert soaking.deploy("r1").verdict is Verdict.DONE


def test_what_an_old_box_has_had_for_long_is_no_difference(soaking: Shop) -> None:
    write(soaking, "b4", {}, (time.time() - 40 * recorder.DAY, "alert", "VisionDrift: darker"))
    write(soaking, "b1", {}, (time.time() + 60, "alert", "VisionDrift: darker"))
    busy(soaking)
    assert soaking.deploy("r1").reason == ""


def test_without_traffic_it_stops_keeps_what_is_there_and_soaks_again_when_it_is_resumed(
    soaking: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = soaking.deploy("r1")
    assert report.verdict is Verdict.UNPROVEN and "got 0 requests in the soak" in report.reason
    assert soaking.confirmed() == ["r1", *["r0"] * 4]
    busy(soaking, b1={"gateway=500": 40})
    now = int(time.time()) // 60 * 60
    monkeypatch.setattr(Record, "began", now - 3600.0)  # since then the canary has failed so
    for number in range(2, 59):
        write(soaking, "b1", {now - 60 * number: {"gateway=500": 4}})
    again = soaking.deploy("r1", resume=True)
    assert again.verdict is Verdict.TAKEN_BACK, again.text()
    assert soaking.confirmed() == ["r0"] * 5


def test_a_canary_that_cannot_be_reached_afterwards_proves_nothing(
    soaking: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(soaking)
    judge = watching.judge

    def cut(*told: Any) -> Any:
        soaking.remotes["b1"].down = True
        try:
            return judge(*told)
        finally:
            soaking.remotes["b1"].down = False

    monkeypatch.setattr(watching, "judge", cut)
    report = soaking.deploy("r1")
    assert report.reason == "wave 1, soak: b1: out of reach, so nothing speaks for the release"
    assert report.verdict is Verdict.UNPROVEN
