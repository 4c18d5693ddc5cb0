"""A run's results for people, for programs, and for CI systems."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from kit.files import replacing
from kit.smoke.outcome import Outcome, Result
from kit.smoke.run import CHECKS, LEFT_AS_FOUND, Report

SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.WARNED: "!",
    Outcome.NOT_ALLOWED: "–",
    Outcome.NOT_CHECKED: "–",
}
NAME_WIDTH = max(map(len, [*CHECKS, LEFT_AS_FOUND]))
# What XML 1.0 cannot hold even escaped; an answer quoted in a sentence may.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def line(result: Result) -> str:
    """`✓ describe   12 ms  2 workers READY`"""
    said = result.detail
    if result.outcome in (Outcome.NOT_ALLOWED, Outcome.NOT_CHECKED):
        said = f"{result.outcome.value}: {said}"
    return f"{SIGNS[result.outcome]} {result.name:<{NAME_WIDTH}} {result.seconds * 1000:>7,.0f} ms  {said}"


def summary(report: Report) -> str:
    parts = [f"{report.count(Outcome.PASSED)} passed", f"{report.count(Outcome.FAILED)} failed"]
    others = [outcome for outcome in Outcome if outcome not in (Outcome.PASSED, Outcome.FAILED)]
    parts += [f"{report.count(outcome)} {outcome.value}" for outcome in others if report.count(outcome)]
    return f"{len(report.results)} checks in {report.seconds:.1f} s: {', '.join(parts)}"


def document(report: Report, url: str, model: str) -> dict[str, Any]:
    return {
        "url": url,
        "model": model,
        "ok": not report.failed and not report.stopped_by,
        "seconds": round(report.seconds, 3),
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "checks": [
            {
                "name": result.name,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 4),
                "detail": result.detail,
            }
            for result in report.results
        ],
    }


def write_junit(report: Report, file: Path) -> None:
    """The XML that Jenkins, GitLab and GitHub's actions read. What was not checked counts as skipped."""
    skipped = report.count(Outcome.NOT_ALLOWED) + report.count(Outcome.NOT_CHECKED)
    totals = {
        "name": "smoke",
        "tests": str(len(report.results)),
        "failures": str(report.count(Outcome.FAILED)),
        "errors": "0",
        "skipped": str(skipped),
        "time": f"{report.seconds:.3f}",
    }
    suites = ET.Element("testsuites", totals)
    suite = ET.SubElement(suites, "testsuite", totals)
    for result in report.results:
        case = ET.SubElement(suite, "testcase", classname="smoke", name=result.name, time=f"{result.seconds:.3f}")
        said = NOT_XML.sub("\ufffd", result.detail)
        if result.outcome is Outcome.FAILED:
            ET.SubElement(case, "failure", message=said)
        elif result.outcome in (Outcome.NOT_ALLOWED, Outcome.NOT_CHECKED):
            ET.SubElement(case, "skipped", message=f"{result.outcome.value}: {said}")
        else:
            ET.SubElement(case, "system-out").text = said
    ET.indent(suites)
    with replacing(file) as temporary:
        ET.ElementTree(suites).write(temporary, encoding="utf-8", xml_declaration=True)
