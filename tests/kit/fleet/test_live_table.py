"""The live table and the plain lines, as a person sees them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kit.fleet.host.result import HostResult, Job, Kind
from kit.fleet.rollout.wave_engine import Wave
from kit.fleet.view.live_table import LiveTable, screen
from kit.fleet.view.screen import PAUSE, SOAK, Lines, Screen

WAVES = [Wave("wave 1 (canary)", ("b1",)), Wave("wave 2", tuple(f"b{number}" for number in range(2, 31)))]


def shown(table: LiveTable) -> list[str]:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(table.table())
    written = console.file
    assert isinstance(written, io.StringIO)
    return [line.rstrip() for line in written.getvalue().splitlines()]


def failed(box: str) -> HostResult:
    host_result = HostResult(box, Kind.FAILED, Job.CHANGE)
    host_result.error, host_result.running = "too slow", "r1"
    return host_result


def play(on: Screen) -> None:
    on.wave(WAVES[1])
    on.step("b5", "send", 0.63)
    on.step("b9", "gate", 0.0)
    on.told(failed("b7"), Job.CHANGE)
    on.told(HostResult("b2", Kind.CHANGED, Job.CHANGE), Job.CHANGE)


def test_those_at_work_come_first_then_what_failed_and_the_screen_is_not_overrun() -> None:
    table = LiveTable(WAVES, height=12)
    play(table)
    lines = shown(table)
    assert lines[0].startswith("wave 2 · 1 of 30 done, 1 failed · ")
    assert [line.split()[0] for line in lines[2:6]] == ["b5", "b9", "b7", "b2"]
    assert lines[2].endswith("send 63%")
    assert lines[4].endswith(" too slow; runs r1")
    assert lines[-1] == "… and 23 more: 23 waiting, 0 done"
    assert len(lines) <= 12


def test_a_pause_and_an_end_are_in_the_headline() -> None:
    table = LiveTable(WAVES, height=12)
    table.waiting(PAUSE, 75)
    assert shown(table)[0].endswith("a pause, 1 min 15 s left")
    table.waiting(SOAK, 600)
    assert shown(table)[0].endswith("a soak, 10 min 00 s left")
    table.stopping()
    assert "no more boxes are changed" in " ".join(shown(table)[:2])


SOAKED = ["· a soak of 600 s", "· after the soak: they do not differ"]


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with screen(WAVES, Console(file=io.StringIO())) as made:
        assert isinstance(made, Lines)
        play(made)
        made.waiting(PAUSE, 60)
        made.waiting(PAUSE, 59)
        made.waiting(PAUSE, 0)
        made.waiting(SOAK, 600)
        made.soaked("they do not differ")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("· wave 2: b2, b3")
    assert lines[1:] == ["· b7: failed, too slow; runs r1", "· b2: changed", "· a pause of 60 s", *SOAKED]
