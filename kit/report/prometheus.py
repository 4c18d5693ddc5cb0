"""A record as Prometheus has it: what it scraped from gateways (config/monitoring), by the names of a record.

Counts are what PromQL's increase() says of each step, so a report from here and one from a box's own record differ by
what came before the first scrape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

import kit.handlers  # noqa: F401
import measures
from common.errors import KitError
from common.watch.record.reading import Event, Record
from common.watch.series import DEATHS, GATEWAY, GATEWAY_SECONDS, IS, LEVEL, STARTS, bucket
from common.watch.watcher import ALERT, ALERT_ENDED, DRIFT_LEVEL, RECORDED, STARTED, SWITCHED

SECONDS = 60.0
WHO = "fleet, box"  # the labels of a target
MINUTE = 60
# Between two scrapes, as config/monitoring/prometheus.yml says. increase() leaves out what came between the last scrape
# before its window and the first in it, and guesses in its place, so one answer an hour is often none: the window is
# longer by so much, and its guess is taken off again.
SCRAPED = 15
# By the family: what a record calls it, and the label that tells its values apart.
COUNTERS = {
    "gateway_requests_total": (GATEWAY, "code"),
    "vision_requests_total": ("code", "code"),
    "vision_worker_starts_total": (STARTS, ""),
    "vision_worker_deaths_total": (DEATHS, ""),
} | {one["name"]: (one["key"], one["label"]) for one in measures.declared([]) if one["name"] and "label" in one}
HISTOGRAMS = {"gateway_request_seconds": GATEWAY_SECONDS} | {
    one["name"]: one["key"] for one in measures.declared([]) if "bounds" in one and "labels" not in one
}
Who = tuple[str, str]  # fleet and box
Point = tuple[float, float]  # s since 1970, and a value


@dataclass
class _Told:
    minutes: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    events: list[Event] = field(default_factory=list)


class Prometheus:
    """At `url`; `headers` are what it wants of who asks."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._http = url.rstrip("/"), httpx.Client(headers=dict(headers), timeout=SECONDS)

    def records(self, since: float, until: float, step: int, fleet: str = "") -> dict[Who, Record]:
        """Of every server that was scraped in that time, of one fleet or of all. `step` in seconds, times in s since
        1970. Raises KitError where Prometheus does not answer as it should."""
        first = since - since % step + step
        told: dict[Who, _Told] = defaultdict(_Told)
        ask = _Asked(self, first, until - until % step + step, step, f'{{fleet="{_quoted(fleet)}"}}' if fleet else "")
        for who, name, points in ask.counted():
            for at, value in points:
                # A point stands for the step before it; the last one for as much of it as there has been.
                minute = int(max(at - step, min(at, until) - MINUTE))
                told[who].minutes[minute][name] = told[who].minutes[minute].get(name, 0) + round(value)
        for who, event in ask.happened():
            told[who].events.append(event)
        return {
            who: Record(sorted(one.minutes.items()), sorted(one.events, key=lambda event: event.at))
            for who, one in sorted(told.items())
        }

    def range(self, expression: str, start: float, end: float, step: int) -> list[tuple[dict[str, str], list[Point]]]:
        """Series with their labels. Raises KitError."""
        asked = {"query": expression, "start": f"{start:.0f}", "end": f"{end:.0f}", "step": f"{step}"}
        try:
            answer = self._http.post(f"{self._url}/api/v1/query_range", data=asked)
        except httpx.HTTPError as error:
            raise KitError(f"{self._url} does not answer: {error}", HINT) from None
        try:
            document = answer.json()
            if document["status"] != "success":
                raise KitError(f"{self._url}: {document['error']}", HINT)
            return [
                (row["metric"], [(float(at), float(value)) for at, value in row["values"] if value != "NaN"])
                for row in document["data"]["result"]
            ]
        except (ValueError, TypeError, KeyError):
            raise KitError(f"{self._url} answers {answer.status_code}, and not as Prometheus does", HINT) from None


HINT = "PROMETHEUS=<the URL of its web page>; HEADER_FILE=<a file with its Authorization: header>"


@dataclass(frozen=True)
class _Asked:
    """The questions of one report. `chosen`: a selector of labels."""

    at: Prometheus
    start: float
    end: float
    step: int
    chosen: str

    def _range(self, expression: str) -> Iterator[tuple[Who, dict[str, str], list[Point]]]:
        for labels, points in self.at.range(expression, self.start, self.end, self.step):
            yield (labels.get("fleet", ""), labels.get("box", "")), labels, points

    def counted(self) -> Iterator[tuple[Who, str, list[Point]]]:
        """Who, by which name of a record, and how much in the step before each point."""
        for family, (key, label) in COUNTERS.items():
            by = f"{WHO}, {label}" if label else WHO
            for who, labels, points in self._range(f"sum by ({by}) ({self._increase(family)})"):
                yield who, f"{key}{IS}{labels[label]}" if label else key, points
        for family, key in HISTOGRAMS.items():
            yield from self._histogram(family, "", lambda _, key=key: key)
        yield from self._histogram(measures.STAGE, ", stage", lambda labels: labels["stage"])
        for gauge, (name, unit) in RECORDED.items():
            for who, _, points in self._range(f"max by ({WHO}) (last_over_time(vision_{gauge}{self._last}"):
                yield who, f"{LEVEL}{name}", [(at, value / unit) for at, value in points]
        for who, labels, points in self._range(
            f"max by ({WHO}, statistic) (last_over_time(vision_drift_score{self._last}"
        ):
            yield who, f"{DRIFT_LEVEL}{labels['statistic']}", [(at, 100 * value) for at, value in points]

    def _increase(self, family: str) -> str:
        window = self.step + SCRAPED
        return f"increase({family}{self.chosen}[{window}s]) * {self.step} / {window}"

    @property
    def _last(self) -> str:
        return f"{self.chosen}[{self.step}s]))"

    def _histogram(self, family: str, beside: str, key: Any) -> Iterator[tuple[Who, str, list[Point]]]:
        """A bucket holds those below it, too: what is counted in it alone is the difference."""
        found: dict[tuple[Who, str], dict[float, dict[float, float]]] = defaultdict(dict)
        asked = f"sum by ({WHO}, le{beside}) ({self._increase(f'{family}_bucket')})"
        for who, labels, points in self._range(asked):
            found[who, key(labels)][float(labels["le"])] = dict(points)
        for (who, name), buckets in found.items():
            below: dict[float, float] = {}
            for bound, counts in sorted(buckets.items()):
                yield who, bucket(name, bound), [(at, max(0.0, one - below.get(at, 0.0))) for at, one in counts.items()]
                below = counts

    def happened(self) -> Iterator[tuple[Who, Event]]:
        """Starts, releases and alerts."""
        for who, _, points in self._range(f"max by ({WHO}) (last_over_time(vision_start_time_seconds{self._last}"):
            for began in sorted({round(value) for _, value in points if value >= self.start - self.step}):
                yield who, Event(float(began), STARTED, "")
        releases: dict[Who, list[tuple[float, str]]] = defaultdict(list)
        for who, labels, points in self._range(
            f"count by ({WHO}, release) (last_over_time(vision_model_info{self._last}"
        ):
            releases[who] += [(at, labels.get("release", "")) for at, _ in points]
        for who, seen in releases.items():
            before = ""
            for at, release in sorted(seen):
                if release != before:
                    yield who, Event(at - self.step, SWITCHED, release)
                before = release
        firing = self.chosen[1:-1] or 'box=~".+"'
        for who, labels, points in self._range(
            f'max by ({WHO}, alertname) (last_over_time(ALERTS{{alertstate="firing", {firing}}}[{self.step}s]))'
        ):
            yield from ((who, event) for event in self._alert(labels["alertname"], [at for at, _ in points]))

    def _alert(self, name: str, times: list[float]) -> Iterator[Event]:
        """While it was there it fired; a gap is its end."""
        before = 0.0
        for at in times:
            if at - before > self.step:
                if before:
                    yield Event(before, ALERT_ENDED, f"{name}: by Prometheus's rule")
                yield Event(at - self.step, ALERT, f"{name}: by Prometheus's rule")
            before = at
        if before and before < self.end:
            yield Event(before, ALERT_ENDED, f"{name}: by Prometheus's rule")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
