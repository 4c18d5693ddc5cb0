from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kit.smoke import report
from kit.smoke.outcome import Outcome, Result
from kit.smoke.run import Report

ALL = Report(
    [
        Result("describe", Outcome.PASSED, 0.0124, "2 workers READY"),
        Result("metrics", Outcome.FAILED, 1.5, 'no <metrics> & a "quote" \x00'),
        Result("register", Outcome.NOT_ALLOWED, 0.1, "enable_model_api=false"),
        Result("list", Outcome.NOT_CHECKED, 0.0, "MANAGEMENT_URL not given"),
        Result("wrong inference token", Outcome.WARNED, 0.1, "tokens are off"),
    ],
    1.7,
    0,
)


def test_lines() -> None:
    lines = [" ".join(report.line(result).split()) for result in ALL.results]
    assert lines == [
        "✓ describe 12 ms 2 workers READY",
        '✗ metrics 1,500 ms no <metrics> & a "quote" \x00',
        "– register 100 ms not allowed: enable_model_api=false",
        "– list 0 ms not checked: MANAGEMENT_URL not given",
        "! wrong inference token 100 ms tokens are off",
    ]
    assert report.summary(ALL) == "5 checks in 1.7 s: 1 passed, 1 failed, 1 warned, 1 not allowed, 1 not checked"


def test_junit_is_what_ci_systems_read(tmp_path: Path) -> None:
    file = tmp_path / "new-folder" / "smoke.xml"
    report.write_junit(ALL, file)
    root = ET.parse(file).getroot()  # noqa: S314 - written a line above
    suite = root[0]
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "time": "1.700",
    }
    cases = {case.attrib["name"]: case for case in suite}
    assert all(float(case.attrib["time"]) >= 0 and case.attrib["classname"] == "smoke" for case in cases.values())
    failure = cases["metrics"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == 'no <metrics> & a "quote" \ufffd'
    skipped = cases["list"].find("skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "not checked: MANAGEMENT_URL not given"
    assert cases["describe"].findtext("system-out") == "2 workers READY"


@pytest.mark.parametrize(
    ("outcome", "stopped_by", "ok"),
    [
        (Outcome.PASSED, 0, True),
        (Outcome.WARNED, 0, True),
        (Outcome.NOT_CHECKED, 0, True),
        (Outcome.NOT_ALLOWED, 0, True),
        (Outcome.FAILED, 0, False),
        (Outcome.PASSED, 15, False),
    ],
)
def test_document(outcome: Outcome, stopped_by: int, ok: bool) -> None:
    made = report.document(Report([Result("list", outcome, 0.1, "x")], 0.1, stopped_by), "http://i", "net")
    assert made["ok"] is ok
    assert made["counts"][outcome.value] == 1
    assert made["checks"] == [{"name": "list", "outcome": outcome.value, "seconds": 0.1, "detail": "x"}]
