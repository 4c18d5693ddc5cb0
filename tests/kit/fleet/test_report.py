"""The words to paste into a message, and the exit status."""

from __future__ import annotations

import json

import pytest

from kit.fleet.host.result import HostResult, Job, Kind
from kit.fleet.rollout.wave_engine import Verdict
from kit.fleet.view.report import Report


def box(name: str, kind: Kind, job: Job = Job.CHANGE, error: str = "", running: str | None = None) -> HostResult:
    host_result = HostResult(name, kind, job)
    host_result.error, host_result.running, host_result.before, host_result.release = error, running, "r1", "r2"
    return host_result


def report(verdict: Verdict, *results: HostResult, reason: str = "") -> Report:
    return Report("deploy", "shops", ["r2"], verdict, reason, results, 75.4)


def test_a_good_run_is_a_few_plain_lines() -> None:
    well = box("shelf-01", Kind.CHANGED, running="r2")
    well.how, well.downtime_seconds, well.bytes = "restart", 12.34, 46_700_000
    again = box("shelf-02", Kind.UNCHANGED, running="r2")
    well.changes, again.changes = ["wrote the unit"], ["wrote the unit"]
    made = report(Verdict.DONE, well, again, box("shelf-10", Kind.UNREACHABLE, error="link lost: No route to host"))
    assert made.text().splitlines() == [
        "deploy r2 → shops in 1 min 15 s: done: 1 changed, 1 had it already, 1 out of reach",
        "changed:",
        "  shelf-01  r1 → r2, restart, downtime 12.3 s, 46.7 MB",
        "set up on shelf-01, shelf-02:",
        "  wrote the unit",
        "out of reach, as they were (RESUME=1 takes them later):",
        "  shelf-10  link lost: No route to host",
    ]
    assert not made.failed


def test_a_bad_run_names_first_what_a_person_has_to_look_at() -> None:
    failing = box("shelf-02", Kind.FAILED, error="too slow (it reverted automatically)", running="r1")
    failing.log = ["ERROR a", "ERROR b"]
    made = report(
        Verdict.TAKEN_BACK,
        box("shelf-01", Kind.BACK, Job.TAKE_BACK, running="r1"),
        failing,
        box("shelf-03", Kind.FAILED, Job.TAKE_BACK, error="link lost: gone"),
        reason="wave 2: 1 box failed, 0 allowed",
    )
    assert made.text().splitlines() == [
        "deploy r2 → shops in 1 min 15 s: STOPPED, and NOT all that had changed was taken back: 1 of 2: "
        "1 taken back, 2 failed",
        "why: wave 2: 1 box failed, 0 allowed",
        "NOT TAKEN BACK, look at these first:",
        "  shelf-03  link lost: gone; what it runs is not known",
        "failed:",
        "  shelf-02  too slow (it reverted automatically); runs r1",
        "              | ERROR a",
        "              | ERROR b",
        "taken back:",
        "  shelf-01  runs r1",
    ]
    assert made.failed


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        (
            [("a", Kind.BACK, Job.TAKE_BACK), ("b", Kind.FAILED, Job.CHANGE)],
            "STOPPED, and what had changed was taken back",
        ),
        ([("a", Kind.FAILED, Job.CHANGE)], "STOPPED, nothing had changed"),
        (
            [("a", Kind.BACK, Job.TAKE_BACK), ("b", Kind.FAILED, Job.TAKE_BACK), ("c", Kind.KEPT, Job.TAKE_BACK)],
            "STOPPED, and NOT all that had changed was taken back: 1 of 3",
        ),
    ],
)
def test_the_headline_says_what_was_taken_back(boxes: list[tuple[str, Kind, Job]], words: str) -> None:
    made = report(Verdict.TAKEN_BACK, *(box(*each) for each in boxes))
    assert made.in_a_line.startswith(f"{words}: ")
    assert made.failed


def test_long_logs_do_not_push_the_headline_away() -> None:
    failing = [box(f"shelf-{number}", Kind.FAILED, error="it crashed") for number in range(5)]
    for one in failing:
        one.log = [f"line {number}" for number in range(40)]
    lines = report(Verdict.TAKEN_BACK, *failing).text().splitlines()
    assert lines[0] == lines[-1]
    assert len(lines) < 50
    assert sum("line 39" in line for line in lines) == 5


def test_a_box_that_does_not_answer_runs_nothing_for_certain() -> None:
    silent = box("a", Kind.FAILED, error="it was confirmed, and does not answer")
    silent.silent = "a prediction: HTTP 503"
    words = "it was confirmed, and does not answer; does not answer: a prediction: HTTP 503"
    assert f"  a  {words}" in report(Verdict.DONE, silent).text().splitlines()


def test_failures_that_were_allowed_are_failures_all_the_same() -> None:
    assert report(Verdict.DONE, box("a", Kind.CHANGED), box("b", Kind.FAILED)).failed
    assert report(Verdict.INTERRUPTED, box("a", Kind.CHANGED)).failed
    assert not report(Verdict.DONE, box("a", Kind.CHANGED)).failed


def test_the_document_is_json_and_has_everything_of_each_box() -> None:
    made = report(Verdict.DONE, box("a", Kind.CHANGED, running="r2"))
    document = json.loads(json.dumps(made.document()))
    assert (document["ok"], document["verdict"], document["seconds"]) == (True, "done", 75.4)
    assert document["boxes"][0]["kind"] == "changed"
    assert {"box", "job", "before", "running", "error", "log", "how", "downtime_seconds", "bytes", "steps"} <= set(
        document["boxes"][0]
    )
