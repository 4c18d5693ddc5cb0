"""From windows to figures, tables and a page: every number is the one that was measured."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from kit.bench.load.plan import percentile
from kit.bench.measurement import Measurement
from kit.bench.measuring import Window
from kit.bench.report import figures, tables
from kit.bench.report.page import page
from kit.bench.rounds import OPEN_SHARES, LoadSettings, Results, Stage
from kit.processes import ProcessShare

SETTINGS = LoadSettings(clients=(1, 8), seconds=10, repeats=3)
ABOUT = {
    "model": "fruit<18>",
    "profile": "onprem",
    "url": "http://127.0.0.1:8080",
    "date": "2026-01-02 03:04",
    "machine": {"processor": "x86_64", "cores": 2, "memory_bytes": 24e9},
    "pictures": {"name": "reference", "description": "one photograph", "files": []},
}
OURS, STOCK = "this kit", "stock"


def window(stage: Stage, requests: int, slowest: float, errors: dict[str, int] | None = None) -> Window:
    """Latencies evenly up to `slowest` ms."""
    latencies = [slowest * (number + 1) / requests for number in range(requests)]
    measured = Measurement(
        requests=requests,
        errors=sum((errors or {}).values()),
        seconds=10,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
        p99=percentile(latencies, 99),
        p999=percentile(latencies, 99.9),
        memory=500 << 20,
        cores=1.5,
        client_cores=0.02,
    )
    shares = [ProcessShare("Java", 1, 200 << 20), ProcessShare("worker", 2, 300 << 20)]
    return Window(stage.load(requests / 10), measured, latencies, errors or {}, shares)


def results() -> Results:
    made = Results([OURS, STOCK], starts={OURS: [4.0, 5.0, 6.0], STOCK: [10.0, 10.0, 10.0]})
    for stage in SETTINGS.stages:
        full = {"HTTP 503": 2} if stage.clients == 8 else None
        made.windows[OURS, stage] = [window(stage, count, 80.0, full) for count in (1000, 1100, 1200)]
        made.windows[STOCK, stage] = [window(stage, 50, 800.0) for _ in range(3)]
    for clients in SETTINGS.clients:
        made.ceilings[Stage(clients=clients)] = [200.0, 200.0, 200.0]
    return made


@pytest.fixture
def document() -> dict[str, Any]:
    made = figures.document(results(), SETTINGS, ABOUT)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    return made


def found(document: dict[str, Any], what: str) -> dict[str, Any]:
    (row,) = [row for row in document["comparisons"] if row["what"] == what]
    return dict(row)


def test_the_noise_is_the_range_of_the_repeats(document: dict[str, Any]) -> None:
    row = next(row for row in document["loads"] if (row["server"], row["clients"]) == (OURS, 8))
    assert row["throughput"] == {"value": 110.0, "low": 100.0, "high": 120.0}
    assert row["answers"] == 3300
    assert row["errors"] == {"HTTP 503": 6}


def test_percentiles_are_of_all_samples_together() -> None:
    stage = Stage(clients=1)
    made = figures.row(OURS, stage, [window(stage, 100, 10.0), window(stage, 900, 100.0)])
    pooled = sorted([*(10.0 * (n + 1) / 100 for n in range(100)), *(100.0 * (n + 1) / 900 for n in range(900))])
    assert made["latency_ms"]["p99"]["value"] == pytest.approx(pooled[989], rel=1e-4)
    assert made["latency_ms"]["p99"]["low"] == pytest.approx(9.9)
    assert made["latency_ms"]["p99"]["high"] == pytest.approx(99.0)
    # 99.95 % of a thousand samples would be a guess.
    assert max(percent for percent, _ in made["curve"]) == 99.9


def test_ratios_are_paired(document: dict[str, Any]) -> None:
    ratio = found(document, "throughput with 8 clients, against stock")
    assert (ratio["value"], ratio["low"], ratio["high"]) == (22.0, 20.0, 24.0)
    assert found(document, "throughput with 8 clients, of the ceiling")["value"] == 0.55
    assert found(document, "start to first right answer, against stock")["value"] == 0.5
    assert found(document, "p99 with 1 client, against the p50 of stock")["value"] == pytest.approx(
        79.2 / 400, rel=1e-3
    )
    assert found(document, "throughput with 8 clients, against 1 client")["value"] == 1.0


def test_the_sentence(document: dict[str, Any]) -> None:
    assert document["sentence"] == (
        "With 8 clients, fruit<18> answers 110 pictures a second (100–120), 99 % of them within 79.2 ms, "
        "6 errors (6 × HTTP 503); that is 22 times stock and 55% of what the plain processes do."
    )


def test_open_loops_run_at_shares_of_each_servers_best() -> None:
    made = results()
    assert made.best(OURS) == 110.0
    assert [Stage(share=share).load(made.best(STOCK)).rate for share in OPEN_SHARES] == [2.5, 4.0]


def test_a_server_that_gave_no_right_answer() -> None:
    made = Results([OURS])
    stage = Stage(clients=1)
    made.windows[OURS, stage] = [window(stage, 0, 1.0, {"HTTP 503": 9})]
    document = figures.document(made, LoadSettings((1,), 10, 1), ABOUT)
    json.dumps(document, allow_nan=False)
    assert document["sentence"] == "With 1 client, fruit<18> gave no right answer: 9 errors (9 × HTTP 503)."
    assert "HTTP 503" in page(document, 1)


def test_a_server_elsewhere_has_question_marks() -> None:
    made = results()
    for key, windows in made.windows.items():
        made.windows[key] = [Window(w.load, w.measurement, w.latencies, w.errors, []) for w in windows]
    document = figures.document(made, SETTINGS, ABOUT)
    row = document["loads"][0]
    assert (row["cores"], row["memory_bytes"]) == (None, None)
    assert tables.loads(document, OURS).rows[0][7] == "?"
    assert not [table for table in tables.tables(document) if table.title.startswith("memory")]


class Page(HTMLParser):
    """The cells of each table, and the headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.headings: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in ("h1", "h2"):
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.inside in ("h1", "h2"):
            self.headings[-1] += data


def test_the_page_holds_what_the_tables_say(document: dict[str, Any]) -> None:
    parsed = Page(page(document, 8))
    shown = tables.tables(document)
    assert parsed.tables == [[list(table.columns), *map(list, table.rows)] for table in shown]
    assert parsed.headings[0] == document["sentence"]
    assert parsed.headings[1:-1] == [table.title for table in shown]


def test_the_tables_hold_what_the_document_says(document: dict[str, Any]) -> None:
    rows = [row for row in document["loads"] if row["server"] == OURS]
    for row, cells in zip(rows, tables.loads(document, OURS).rows, strict=True):
        assert cells[0] == row["load"]
        assert cells[1] == f"{row['throughput']['value']:.0f} ±9%"
        shown = [float(cell.partition(" ")[0]) for cell in cells[2:6]]
        assert shown == [pytest.approx(row["latency_ms"][p]["value"], abs=0.05) for p in figures.PERCENTILES]
        assert int(cells[6]) == sum(row["errors"].values())
    assert tables.memory(document).rows[0] == [OURS, "200", "0", "300", "500"]


def test_the_page_needs_nothing_else(document: dict[str, Any]) -> None:
    text = page(document, 8)
    assert text.count("<svg") == 4
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert not re.search(r"url\((?!#)|@import|<script", text)
