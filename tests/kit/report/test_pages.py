"""The report as a document, as a page, and as files."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path
from typing import Any

import pytest

from common.watch.record import reading
from common.watch.record.reading import Event, Record
from kit.report import copies, files, page
from kit.report.document import Source, active, document
from kit.report.sparklines import sparkline
from tests.kit.report.conftest import UNTIL, record

NOTHING = Record([], [])


def fleet() -> dict[str, Any]:
    slow = record()
    slow = Record([(at, {**values, "gateway_seconds<0.3": 5}) for at, values in slow.minutes], slow.events)
    failing = record(**{"gateway=500": 1})
    silent = Record(record().minutes[:30], record().events)
    sources = [
        Source("good", record()),
        Source("slow", slow),
        Source("failing", failing),
        Source("silent", silent),
        Source("never <b>", NOTHING, "out of reach: no route"),
    ]
    return document(sources, 7200, UNTIL)


def test_the_worst_come_first() -> None:
    assert [server["name"] for server in fleet()["servers"]] == ["never <b>", "silent", "failing", "slow", "good"]


def test_a_server_s_release_is_the_last_that_it_told() -> None:
    found = {server["name"]: server for server in fleet()["servers"]}
    assert found["good"]["release"] == "fruit-1.1"
    assert found["never <b>"]["release"] == ""
    assert found["silent"]["silent_seconds"] == 7200 - 29 * 60
    assert found["good"]["silent_seconds"] == 0


def test_what_drifts_is_told_before_what_is_slow_and_is_no_release() -> None:
    drifting = Record(record().minutes, [*record().events, Event(UNTIL - 60, "drift", "darker")])
    slow = Record([(at, {**values, "gateway_seconds<0.3": 5}) for at, values in record().minutes], record().events)
    told = document([Source("slow", slow), Source("drifting", drifting)], 7200, UNTIL)
    first = told["servers"][0]
    assert (first["name"], first["release"], first["summary"]["drifts"]) == ("drifting", "fruit-1.1", ["darker"])
    assert "drift: darker" in page.page(told, "Shops")


def test_an_alert_stands_until_it_ends_or_the_server_does() -> None:
    def happened(*what: str) -> list[Event]:
        return [Event(UNTIL - 100 + number, one.split("|")[0], one.split("|")[1]) for number, one in enumerate(what)]

    queue, hot = "alert|VisionQueue: it waits", "alert|VisionHot: 85 °C"
    assert active(happened(queue, hot, "alert ended|VisionQueue: it waits")) == {"VisionHot": "85 °C"}
    assert active(happened(queue, "stopped|fruit-1.0")) == {}
    whole = Record(record().minutes, [*record().events, *happened(hot)])
    assert "VisionHot: 85 °C" in page.page(document([Source("here", whole)], 7200, UNTIL), "Here")


def test_what_lies_before_the_time_asked_for_does_not_count() -> None:
    (server,) = document([Source("good", record(hours=5))], 3600, UNTIL)["servers"]
    assert server["summary"]["requests"] == 600
    assert server["events"] == []
    assert server["release"] == "fruit-1.1", "which was told before"


@pytest.mark.parametrize("told", [document([Source("here", record())], 7200, UNTIL), fleet()])
def test_a_page_is_one_file_that_loads_nothing(told: dict[str, Any]) -> None:
    text = page.page(told, "Fleet <shops>")
    for loads in ("<script", "src=", "href=", "url(", "@import", "never <b>", "Fleet <shops>"):
        assert loads not in text.replace("xlink:href", "").replace("url(#", ""), loads
    assert text.count("<figure>") >= 4
    assert "fruit-1.1" in text
    for server in told["servers"]:
        assert escape(server["name"]) in text or len(told["servers"]) == 1


def test_a_server_that_nobody_asked_has_a_page_too() -> None:
    idle = Record([(UNTIL - 60, {"@server_memory_mb": 400})], [Event(UNTIL - 70, "started", "fruit-1.0")])
    text = page.page(document([Source("here", idle)], 3600, UNTIL), "Here")
    assert "0 requests" in text
    assert text.count("<figure>") == 1


def test_what_it_comes_to_in_a_sentence() -> None:
    assert page.sentence(document([Source("here", record())], 7200, UNTIL), "Here") == (
        "Here: 1,200 requests, 0.00 % failed, p99 50 ms"
    )
    assert page.sentence(fleet(), "Shops").endswith("; 2 of 5 silent")


def test_figures_for_other_programs(tmp_path: Path) -> None:
    told = fleet()
    files.write(tmp_path / "report", told, "<html>")
    assert json.loads((tmp_path / "report" / files.JSON).read_text())["servers"][0]["name"] == "never <b>"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report" / files.CSV).read_text())))
    assert {row["server"] for row in rows} == {"silent", "failing", "slow", "good"}
    assert rows[0]["labels: Banana"] == "10" and rows[0]["p50_ms"]


def test_a_sparkline_has_a_gap_where_nothing_is_known() -> None:
    drawn = ET.fromstring(sparkline([1, 2, None, 4], 4, marks=[0.5]))  # noqa: S314 - it is our own
    marks, line = (path.attrib["d"] for path in drawn)
    assert line.count("M") == 2
    assert marks == "M52.0 0v30"
    assert ET.fromstring(sparkline([None, None], 0))[1].attrib["d"] == ""  # noqa: S314 - it is our own


def test_a_box_s_copy_gets_only_what_is_new(tmp_path: Path) -> None:
    copy = copies.path(tmp_path, "../till 1")
    assert copy.parent == tmp_path
    assert copies.wanted_since(copy) == 0
    whole = record(hours=3)
    at, counted = whole.minutes[100]
    half = {name: count // 2 for name, count in counted.items()}
    copies.keep(copy, Record([*whole.minutes[:100], (at, half)], whole.events[:1]), 0)
    since = copies.wanted_since(copy)
    assert since == at, "that minute was not over"
    copies.keep(copy, Record(whole.minutes[100:], whole.events[1:]), since)
    assert reading.read(copy, 0) == whole
    assert copies.wanted_since(copy) == UNTIL - 60
