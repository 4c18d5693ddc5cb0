"""Whole roll-outs over boxes in this process: who runs what afterwards, and what the operator is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.fleet.host.result import Kind
from kit.fleet.rollout.wave_engine import Verdict
from tests.kit.fleet.conftest import PI, FakeRemote, Shop, results, staged


def test_a_release_reaches_every_box_and_each_has_its_lock_back(shop: Shop) -> None:
    report = shop.deploy("r1")
    assert report.verdict is Verdict.DONE
    assert not report.failed
    assert shop.confirmed() == ["r1"] * 5
    assert shop.locks() == []
    assert results(report)["b3"].changes == ["installed the program", "signers set"]


def test_a_second_release_sends_only_what_changed(shop: Shop) -> None:
    shop.deploy("r1")
    sent = len(shop.remotes["b1"].sent)
    shop.deploy("r2")
    blobs = [name for name in shop.remotes["b1"].sent[sent:] if name.startswith("blobs/")]
    assert len(blobs) == 1


def test_the_same_again_changes_nothing(shop: Shop) -> None:
    shop.deploy("r1")
    report = shop.deploy("r1")
    assert {host_result.kind for host_result in report.results} == {Kind.UNCHANGED}
    assert shop.state("b1")["calls"].count("activate") == 1


def test_a_failing_canary_is_the_only_box_that_was_touched(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b1")["faults"] = {"gate": {"r2": "p95 3000 ms, 2000 allowed"}}
    report = shop.deploy("r2")
    assert report.verdict is Verdict.TAKEN_BACK
    assert report.failed
    assert shop.confirmed() == ["r1"] * 5
    assert [shop.state(box)["calls"].count("activate") for box in shop.remotes] == [2, 1, 1, 1, 1]
    canary = results(report)["b1"]
    assert canary.error == "p95 3000 ms, 2000 allowed (it reverted automatically)"
    assert canary.running == "r1"
    assert "    | ERROR it is wrong" in report.text()


def test_a_failing_second_wave_takes_back_the_first(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b3")["faults"] = {"gate": {"r2": "too slow"}}
    report = shop.deploy("r2")
    assert report.verdict is Verdict.TAKEN_BACK
    assert shop.confirmed() == ["r1"] * 5
    kinds = {box: host_result.kind for box, host_result in results(report).items()}
    assert kinds == {"b1": Kind.BACK, "b2": Kind.BACK, "b3": Kind.FAILED, "b4": Kind.READY, "b5": Kind.READY}
    assert shop.locks() == []


def test_as_many_failures_as_allowed_do_not_stop_it(shop: Shop) -> None:
    shop.fleet = replace(shop.fleet, allowed_failures=1)
    shop.deploy("r1")
    shop.state("b3")["faults"] = {"gate": {"r2": "too slow"}}
    report = shop.deploy("r2")
    assert shop.confirmed() == ["r2", "r2", "r1", "r2", "r2"]
    assert report.verdict is Verdict.DONE
    assert report.failed


def test_a_box_with_nothing_before_keeps_the_release_that_passed_its_gate(shop: Shop) -> None:
    shop.state("b2")["faults"] = {"gate": {"r1": "too slow"}}
    report = shop.deploy("r1")
    kinds = {box: host_result.kind for box, host_result in results(report).items()}
    assert kinds == {"b1": Kind.KEPT, "b2": Kind.FAILED, "b3": Kind.KEPT, "b4": Kind.READY, "b5": Kind.READY}
    assert shop.confirmed() == ["r1", None, "r1", None, None]
    assert "  b2  too slow (it reverted automatically); runs nothing" in report.text()


def test_a_box_that_cannot_be_taken_back_is_named_first(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b3")["faults"] = {"gate": {"r2": "too slow"}}
    first = shop.remotes["b1"]
    first.on_call = lambda verb: setattr(first, "down", first.down or shop.state("b3")["calls"].count("activate") == 2)
    report = shop.deploy("r2")
    assert [host_result.box for host_result in report.stranded] == ["b1"]
    lines = report.text().splitlines()
    at = lines.index("NOT TAKEN BACK, look at these first:")
    assert lines[at + 1] == "  b1  link lost: ssh: connect to host: No route to host; runs r2"


def test_boxes_out_of_reach_are_skipped_listed_and_taken_by_resume(shop: Shop) -> None:
    shop.remotes["b4"].down = True
    report = shop.deploy("r1")
    assert report.verdict is Verdict.DONE
    assert not report.failed
    assert results(report)["b4"].kind is Kind.UNREACHABLE
    assert "out of reach, as they were (RESUME=1 takes them later):\n  b4  ssh:" in report.text()
    shop.remotes["b4"].down = False
    resumed = shop.deploy("r1", resume=True)
    assert shop.confirmed() == ["r1"] * 5
    kinds = {box: host_result.kind for box, host_result in results(resumed).items()}
    assert kinds.pop("b4") is Kind.CHANGED
    assert set(kinds.values()) == {Kind.UNCHANGED}


def test_a_canary_out_of_reach_proves_nothing_so_nobody_follows(shop: Shop) -> None:
    shop.remotes["b1"].down = True
    report = shop.deploy("r1")
    assert report.verdict is Verdict.UNPROVEN
    assert report.failed
    assert shop.confirmed() == [None] * 5
    assert shop.locks() == []


def test_one_box_that_no_bundle_fits_and_nothing_begins(shop: Shop) -> None:
    shop.remotes["b5"].facts = replace(PI, machine="x86_64", python="3.13")
    report = shop.deploy("r1")
    assert report.verdict is Verdict.REFUSED
    assert shop.confirmed() == [None] * 5
    assert shop.locks() == []
    assert "it is linux_x86_64, Python 3.13, and the bundles are for linux_aarch64, Python 3.11" in report.text()


def test_two_platforms_in_one_fleet_get_each_its_own(shop: Shop) -> None:
    shop.remotes["b2"].facts = replace(PI, machine="x86_64", python="3.13")
    both = [staged(shop.folder, "r1"), staged(shop.folder, "r1x", "linux_x86_64", "3.13")]
    report = shop.deploy(staged_releases=both)
    assert not report.failed
    assert shop.confirmed() == ["r1", "r1x", "r1", "r1", "r1"]


def test_a_damaged_part_is_sent_once_more(shop: Shop) -> None:
    shop.state("b1")["faults"] = {"damaged": ["0" * 64]}
    assert not shop.deploy("r1").failed
    assert shop.state("b1")["calls"].count("receive") == 2


def test_a_full_disk_fails_before_a_byte_is_sent(shop: Shop) -> None:
    shop.state("b1")["faults"] = {"disk": 1}
    report = shop.deploy("r1")
    assert results(report)["b1"].error == "its disk has 0 MB free and should have 0 MB"
    assert shop.remotes["b1"].sent == []


def test_rollback_brings_each_box_its_own_previous_release(shop: Shop) -> None:
    shop.deploy("r1")
    shop.deploy("r2")
    report = shop.rollback()
    assert report.verdict is Verdict.DONE
    assert shop.confirmed() == ["r1"] * 5


def test_a_rollback_goes_on_whatever_fails_and_never_brings_the_bad_release_back(shop: Shop) -> None:
    shop.deploy("r1")
    shop.deploy("r2")
    shop.state("b1")["faults"] = {"gate": {"r1": "its disk is worn"}}
    report = shop.rollback()
    assert report.failed
    assert shop.confirmed() == ["r2", "r1", "r1", "r1", "r1"]
    assert shop.locks() == []


def test_a_rollback_leaves_a_bare_box_alone(shop: Shop) -> None:
    shop.deploy("r1")
    shop.deploy("r2")
    bare = shop.remotes["b5"] = FakeRemote()
    report = shop.rollback()
    assert not report.failed
    assert bare.box.state["calls"] == []
    assert "  b5  a bare box: it has nothing to go back from" in report.text()


def test_a_bare_box_has_to_be_told_whom_to_trust(shop: Shop) -> None:
    shop.signers = ""
    report = shop.deploy("r1")
    assert report.verdict is Verdict.REFUSED
    assert "a bare box has to be told whose bundles to trust → SIGNERS=allowed_signers" in report.text()
    assert shop.state("b1")["calls"] == []


@pytest.mark.parametrize(
    ("wanted", "before", "after", "said"),
    [
        ("https://hooks.example/x", "", "https://hooks.example/x", "it was told whom to notify"),
        ("https://hooks.example/x", "https://hooks.example/x", "https://hooks.example/x", ""),
        ("none", "https://hooks.example/x", "", "it tells nobody of alerts"),
        ("none", "", "", ""),
        ("", "https://hooks.example/x", "https://hooks.example/x", ""),
    ],
)
def test_whom_to_notify_is_told_where_that_is_new(shop: Shop, wanted: str, before: str, after: str, said: str) -> None:
    shop.fleet = replace(shop.fleet, notify=wanted)
    for box in shop.remotes:
        shop.state(box)["notify"] = before
    report = shop.deploy("r1")
    assert {shop.state(box)["notify"] for box in shop.remotes} == {after}
    changes = [change for one in report.results for change in one.changes]
    assert (said in changes) if said else not any("notify" in change or "alerts" in change for change in changes)


def test_a_gateway_for_the_first_time_is_for_bare_boxes_alone(shop: Shop) -> None:
    shop.deploy("r1")
    boxes = tuple(replace(box, first_gateway="1") for box in shop.fleet.boxes)
    shop.fleet = replace(shop.fleet, boxes=boxes)
    shop.deploy("r2")
    assert {shop.state(box.name)["gateway"] for box in boxes} == {""}
    shop.remotes["b1"] = FakeRemote()
    shop.deploy("r2")
    assert [shop.state(box.name)["gateway"] for box in boxes[:2]] == ["1", ""]
