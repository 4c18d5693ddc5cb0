"""The workstation says that a box runs what it has just heard it answer, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kit.fleet.host import survey
from kit.fleet.host.result import Kind
from kit.fleet.inventory.fleet import Fleet
from kit.fleet.rollout.wave_engine import Verdict
from tests.kit.fleet.conftest import PI, FakeRemote, Shop, results


def test_a_box_that_has_the_release_and_does_not_answer_is_not_left_alone(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b2")["faults"]["answers"] = True
    report = shop.deploy("r1")
    assert "activate" in shop.state("b2")["calls"]
    assert results(report)["b1"].kind is Kind.UNCHANGED


def test_a_box_on_which_something_is_damaged_is_not_left_alone(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b2")["damaged"] = ["manifest.json of r1 is not JSON"]
    shop.deploy("r1")
    assert shop.state("b2")["calls"].count("receive") == 2


def test_a_release_that_falls_silent_after_its_confirm_has_failed(shop: Shop) -> None:
    shop.state("b1")["faults"]["confirmed_silent"] = "a prediction: HTTP 503"
    report = shop.deploy("r1")
    host_result = results(report)["b1"]
    assert host_result.running is None
    assert host_result.error.startswith("it was confirmed, and does not answer")
    assert "does not answer: a prediction: HTTP 503" in report.text()
    assert report.failed


def test_a_box_that_went_back_and_does_not_answer_did_not_go_back(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b1")["faults"] |= {"gate": {"r2": "too slow"}, "answers": True, "went_back": False}
    host_result = results(shop.deploy("r2"))["b1"]
    assert "reverted automatically" not in host_result.error
    assert host_result.running is None
    assert host_result.silent


def test_a_box_that_does_not_answer_after_its_take_back_is_named_first(shop: Shop) -> None:
    shop.deploy("r1")
    shop.state("b3")["faults"]["gate"] = {"r2": "too slow"}

    def fall_silent(what: str) -> None:
        if what == "rollback after":
            shop.state("b1")["faults"]["confirmed_silent"] = "it is mute"

    shop.remotes["b1"].on_call = fall_silent
    report = shop.deploy("r2")
    assert report.verdict is Verdict.TAKEN_BACK
    assert [one.box for one in report.stranded] == ["b1"]
    assert "NOT all that had changed was taken back: 1 of 2" in report.in_a_line


def test_a_box_in_trouble_is_a_failed_box_of_its_wave(shop: Shop) -> None:
    shop.fleet = replace(shop.fleet, allowed_failures=1)
    shop.state("b4")["faults"]["lock"] = "the disk filled up during lock: 0 MB and 0 inodes are free at /var/lib"
    report = shop.deploy("r1")
    assert report.verdict is Verdict.DONE
    assert {box: one.kind for box, one in results(report).items()} == {
        **dict.fromkeys(("b1", "b2", "b3", "b5"), Kind.CHANGED),
        "b4": Kind.FAILED,
    }
    assert "b4  the disk filled up during lock: 0 MB and 0 inodes" in report.text()
    assert report.failed


def test_a_box_that_can_take_no_delivery_says_why(shop: Shop) -> None:
    shop.state("b1")["faults"]["why_not"] = "what is written there is kept in memory, and gone at the next boot"
    host_result = results(shop.deploy("r1"))["b1"]
    assert (host_result.kind, "kept in memory" in host_result.error) == (Kind.FAILED, True)


def test_a_damaged_program_is_replaced_before_the_lock_is_asked(shop: Shop) -> None:
    order: list[str] = []
    remote = shop.remotes["b1"]
    remote.facts = replace(PI, damaged=True)
    remote.on_call = order.append
    shop.signers = ""
    shop.fleet = Fleet("one", "one", shop.fleet.boxes[:1], pause=0)
    assert not shop.deploy("r1").failed, "it is not a bare box: it knows whom to trust"
    assert order.index("install") < order.index("lock")


def test_status_of_a_box_with_no_whole_program_is_unknown_and_not_bare(tmp_path: Path) -> None:
    remote = FakeRemote(replace(PI, damaged=True))
    (answer,) = survey.survey(["b1"], lambda _: survey.call(remote, "status"), 1)
    assert answer.error.startswith("unknown: its box.pyz is damaged")
    remote.facts = replace(PI, root=False)
    (answer,) = survey.survey(["b1"], lambda _: survey.call(remote, "status"), 1)
    assert "no root" in answer.error
