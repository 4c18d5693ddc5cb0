"""What Prometheus has scraped, as a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from common.errors import KitError
from common.watch.record.reading import Event
from kit.report.prometheus import Point, Prometheus
from tests.kit.report.conftest import UNTIL

STEP = 600
ENDS = [UNTIL - 600.0, float(UNTIL), UNTIL + 600.0]  # of steps; UNTIL lies in the last one


class Told(Prometheus):
    """Answers what a test has put in, by a part of the question."""

    def __init__(self, answers: dict[str, list[tuple[dict[str, str], list[Point]]]]) -> None:
        self.answers, self.asked = answers, []  # type: ignore[var-annotated]

    def range(self, expression: str, start: float, end: float, step: int) -> list[tuple[dict[str, str], list[Point]]]:
        self.asked.append(expression)
        assert (start, end, step) == (ENDS[0] - 600 * (start < ENDS[0]), ENDS[2], STEP)
        return next((rows for part, rows in self.answers.items() if part in expression), [])


def points(*values: float) -> list[Point]:
    return list(zip(ENDS, values, strict=True))


def test_counts_are_by_the_step_and_the_last_one_is_not_over() -> None:
    box = {"fleet": "shops", "box": "till-1"}
    told = Told(
        {
            "gateway_requests_total": [
                (box | {"code": "200"}, points(10.2, 0, 7)),
                (box | {"code": "503"}, points(0, 1, 0)),
            ],
            "vision_confidence_bucket": [
                (box | {"le": "0.5"}, points(2, 0, 1)),
                (box | {"le": "0.9"}, points(10, 0, 1)),
                (box | {"le": "+Inf"}, points(10, 0, 7)),
            ],
            "server_memory_bytes": [(box, points(400 << 20, 401 << 20, 402 << 20))],
            "vision_drift_score": [(box | {"statistic": "label"}, points(0.5, 0.5, 1.25))],
        }
    )
    found = told.records(UNTIL - 1100, UNTIL + 120, STEP)
    ((who, record),) = found.items()
    assert who == ("shops", "till-1")
    minutes = dict(record.minutes)
    assert list(minutes) == [UNTIL - 660, UNTIL - 60, UNTIL + 60]
    assert minutes[UNTIL - 660] | minutes[UNTIL + 60] == {
        "gateway=200": 7,
        "gateway=503": 0,
        "confidence<0.5": 1,
        "confidence<0.9": 0,
        "confidence<inf": 6,
        "@server_memory_mb": 402,
        "@drift_label": 125,
    }
    assert minutes[UNTIL - 660]["confidence<0.9"] == 8


def test_of_one_fleet_only_that_is_asked_for() -> None:
    told = Told({})
    assert told.records(UNTIL - 1100, UNTIL + 120, STEP, 'a"b') == {}
    assert all(re.search(r'fleet="a\\"b"', asked) for asked in told.asked)


def test_starts_releases_and_alerts_are_events() -> None:
    box = {"fleet": "", "box": "onprem"}
    told = Told(
        {
            "vision_start_time_seconds": [(box, points(UNTIL - 90_000, UNTIL - 90_000, UNTIL + 30))],
            "vision_model_info": [
                (box | {"release": "r2"}, points(1, 1, 1)[2:]),
                (box | {"release": "r1"}, points(1, 1, 1)[:2]),
            ],
            "ALERTS": [
                (box | {"alertname": "VisionDrift"}, points(1, 1, 1)[:1]),
                (box | {"alertname": "VisionHot"}, [ENDS[0], ENDS[2]]),  # type: ignore[list-item]
            ],
        }
    )
    told.answers["ALERTS"][1] = (box | {"alertname": "VisionHot"}, [points(1, 1, 1)[0], points(1, 1, 1)[2]])
    ((_, record),) = told.records(UNTIL - 1100, UNTIL + 120, STEP).items()
    rule = "by Prometheus's rule"
    assert record.events == [
        Event(UNTIL - 1200, "switched", "r1"),
        Event(UNTIL - 1200, "alert", f"VisionDrift: {rule}"),
        Event(UNTIL - 1200, "alert", f"VisionHot: {rule}"),
        Event(UNTIL - 600, "alert ended", f"VisionDrift: {rule}"),
        Event(UNTIL - 600, "alert ended", f"VisionHot: {rule}"),
        Event(UNTIL, "switched", "r2"),
        Event(UNTIL, "alert", f"VisionHot: {rule}"),
        Event(UNTIL + 30, "started", ""),
    ]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "answers 200, and not as Prometheus does"),
        (401, b"Unauthorized", "answers 401, and not as Prometheus does"),
        (400, b'{"status": "error", "error": "too many points"}', ": too many points"),
        (200, b"[]", "answers 200, and not as Prometheus does"),
        (200, b'{"status": "success"}', "answers 200, and not as Prometheus does"),
    ],
)
def test_what_is_no_answer_of_prometheus_is_told(status: int, body: bytes, words: str) -> None:
    with answering(status, body) as url, pytest.raises(KitError) as raised:
        Prometheus(url, {}).records(UNTIL - 1100, UNTIL, STEP)
    assert words in raised.value.message and "PROMETHEUS=" in raised.value.hint


def test_nobody_there_is_told() -> None:
    with pytest.raises(KitError) as raised:
        Prometheus("http://127.0.0.1:9", {}).records(UNTIL - 1100, UNTIL, STEP)
    assert "http://127.0.0.1:9 does not answer" in raised.value.message
