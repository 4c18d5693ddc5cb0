"""What the workstation makes of links that break, of what earlier runs left behind, and of other deployers' locks."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kit.fleet.host.result import Job, Kind
from kit.fleet.host.session import StepListener
from kit.fleet.inventory.fleet import Box
from kit.fleet.rollout import run
from kit.fleet.rollout.lock_renewal import locks_renewed
from kit.fleet.rollout.wave_engine import Verdict
from kit.fleet.ssh.remote import ignore
from kit.fleet.ssh.words import seconds_of
from tests.kit.fleet.conftest import Shop, results, staged


def test_a_lock_that_somebody_holds_stops_it_before_anything_is_changed(shop: Shop) -> None:
    shop.deploy("r1")
    held = {"owner": "ann@workstation2:77", "since": 0, "age_seconds": 3000, "stale": True}
    shop.state("b4")["lock"] = held
    report = shop.deploy("r2")
    assert report.verdict is Verdict.REFUSED
    assert shop.confirmed() == ["r1"] * 5
    assert shop.locks() == ["b4"]
    assert "locked by ann@workstation2:77 since 1970-01-01" in report.text()
    assert "last renewed 50 min ago, so it is stale" in report.text()
    assert "BREAK_LOCK=1" in report.text()
    assert not shop.deploy("r2", break_lock=True).failed
    assert shop.confirmed() == ["r2"] * 5


def test_the_lock_of_this_workstations_own_dead_run_is_taken_over(shop: Shop) -> None:
    dead = shop.workspace()
    shop.deploy("r1", workspace=dead)
    shop.state("b2")["lock"] = {"owner": dead.owner, "since": 0, "age_seconds": 5, "stale": False}
    later = shop.workspace()
    later.owner = f"{later.user}@{later.host}:1"
    assert not shop.deploy("r2", workspace=later).failed
    assert shop.confirmed() == ["r2"] * 5


def test_a_link_cut_between_switch_and_confirm_is_taken_up_again(shop: Shop) -> None:
    shop.remotes["b2"].cut = ["activate after", "confirm"]
    report = shop.deploy("r1")
    assert not report.failed
    assert shop.confirmed() == ["r1"] * 5


def test_a_link_that_stays_cut_after_the_switch_is_a_failure_and_the_box_went_back(shop: Shop) -> None:
    shop.deploy("r1")
    box = shop.remotes["b1"]

    def cut(verb: str) -> None:
        if verb == "activate after":
            box.box.time_out()

    box.on_call, box.cut = cut, ["activate after"]
    report = shop.deploy("r2")
    assert report.verdict is Verdict.TAKEN_BACK
    canary = results(report)["b1"]
    assert canary.kind is Kind.FAILED
    assert canary.running == "r1"
    assert (
        "link lost (Connection reset by peer); no confirm came within 10 s (it reverted automatically" in canary.error
    )
    assert shop.confirmed() == ["r1"] * 5


def test_a_power_cut_is_a_failure_as_soon_as_the_box_is_back(shop: Shop) -> None:
    shop.deploy("r1")
    box = shop.remotes["b1"]

    def cut(verb: str) -> None:
        if verb == "activate after":
            box.box.state.update(on_trial=None, last={"release": "r2", "step": "verify"})
            box.facts = replace(box.facts, boot="boot 2")

    box.on_call, box.cut = cut, ["activate after", "confirm", "confirm"]
    report = shop.deploy("r2")
    assert report.verdict is Verdict.TAKEN_BACK
    assert results(report)["b1"].running == "r1"
    assert shop.state("b1")["confirmed"] == "r1"


def test_a_box_that_is_still_verifying_when_the_link_is_back_is_waited_for(shop: Shop) -> None:
    shop.deploy("r1")
    box = shop.remotes["b1"]
    asked = []

    def slowly(verb: str) -> None:
        if verb == "activate after":
            box.box.state.update(on_trial=None, last={"release": "r2", "step": "verify"})
        elif verb == "status after":
            asked.append(verb)
            if len(asked) == 4:
                box.box.state.update(on_trial="r2", last={"release": "r2", "step": "confirm"})

    box.on_call, box.cut = slowly, ["activate after"]
    assert not shop.deploy("r2").failed
    assert shop.confirmed() == ["r2"] * 5


def test_a_box_at_a_slow_gate_is_waited_for_as_long_as_it_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deploy("r1")
    monkeypatch.setattr("kit.fleet.host.session.GATE_SECONDS", -1000.0)  # too late at once, for all that nobody said
    for remote in shop.remotes.values():
        remote.cut = ["activate after", "confirm", "confirm", "confirm"]
    shop.remotes["b1"].box.state["faults"]["gate_seconds"] = 600.0
    assert not shop.deploy("r2").failed
    assert shop.confirmed() == ["r2"] * 5


@pytest.mark.parametrize("said", [None, "soon", True, float("nan"), float("inf"), -1])
def test_a_length_of_time_that_is_none_is_not_taken(said: object) -> None:
    assert seconds_of(said, 180.0) == 180.0


def test_what_a_killed_run_left_on_trial_is_confirmed_by_the_next(shop: Shop) -> None:
    shop.deploy("r1")
    box = shop.remotes["b1"].box
    box.answer("activate", ["r2"], b"")
    report = shop.deploy("r2")
    assert not report.failed
    assert results(report)["b1"].before == "r1"
    assert shop.confirmed() == ["r2"] * 5


def test_another_release_left_on_trial_is_given_up_first(shop: Shop) -> None:
    shop.deploy("r1")
    shop.remotes["b1"].box.answer("activate", ["r9"], b"")
    assert not shop.deploy("r2").failed
    assert shop.state("b1")["releases"] == ["r1", "r2"]


def test_a_box_that_says_no_to_the_confirm_is_asked_what_it_runs(shop: Shop) -> None:
    shop.fleet = replace(shop.fleet, allowed_failures=1)
    shop.deploy("r1")
    box = shop.remotes["b2"]
    box.on_call = lambda verb: box.box.time_out() if verb == "confirm" else None
    report = shop.deploy("r2")
    late = results(report)["b2"]
    assert (late.running, late.error) == ("r1", "no confirm came within 10 s (it reverted automatically)")
    assert shop.confirmed() == ["r2", "r1", "r2", "r2", "r2"]


def test_the_lock_of_a_box_that_waits_is_kept_and_never_taken_after_its_release(shop: Shop) -> None:
    workspace = shop.workspace()
    task = shop.task([staged(shop.folder, "r1")], workspace)
    boxes = [Box(name) for name in ("b1", "b2", "b3")]
    hosts = [run.jobs_of(box, workspace, task, StepListener(ignore, ignore)) for box in boxes]
    waiting, unprepared, released = hosts
    for host in (waiting, released):
        host.do(Job.PREPARE)
    released.do(Job.RELEASE)
    with locks_renewed(hosts, renew_seconds=0.01):
        until = time.monotonic() + 10
        while shop.state("b1")["calls"].count("lock") < 3 and time.monotonic() < until:
            time.sleep(0.01)
    assert shop.state("b1")["calls"].count("lock") >= 3
    assert shop.locks() == ["b1"]
    assert shop.state("b2")["calls"] == []
    assert unprepared.result.kind is None
