"""A server's figures in Prometheus's text format.

https://prometheus.io/docs/instrumenting/exposition_formats/ ; the gateway adds its own behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.watch.drift import Detector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GAUGES = {
    "memory_available_bytes": "What a process can still take, by the machine or its control group.",
    "memory_bytes": "The machine's memory.",
    "server_memory_bytes": "Memory of TorchServe and its workers, a page that they share counted once.",
    "disk_free_bytes": "Room on the disk that the server needs.",
    "disk_bytes": "That disk's size.",
    "temperature_celsius": "The hottest sensor.",
    "throttled": "1 while the board runs slower than it could: too hot, or too little current.",
    "undervolted": "1 while the board gets too little voltage.",
    "clock_synchronized": "1 once the clock was set by the network.",
    "start_time_seconds": "When the server was started, since 1970.",
    "time_seconds": "Now, by this machine's clock, since 1970.",
}
Labels = Mapping[str, str]


def text(
    documents: Iterable[Mapping[str, Any]],
    gauges: Mapping[str, float],
    about: Labels,
    detectors: Sequence[Detector] = (),
) -> str:
    """`documents`: of the workers' parents; `about`: what Prometheus knows the release by."""
    families = Families()
    for name, value in sorted(gauges.items()):
        families.add(f"vision_{name}", "gauge", GAUGES[name], [("", {}, value)])
    for document in documents:
        who = {"model": document["model"], "version": document["version"]}
        told = {name: str(document[name]) for name in ("architecture", "precision", "runtime") if name in document}
        families.add("vision_model_info", "gauge", "What serves.", [("", {**who, **told, **about}, 1)])
        families.add("vision_workers", "gauge", "Workers that run.", [("", who, document["workers"])])
        started = [("", who, document["workers_started"])]
        families.add("vision_worker_starts_total", "counter", "Workers started, and started again.", started)
        died = [("", who, document["workers_died"])]
        families.add("vision_worker_deaths_total", "counter", "Workers that nobody had told to end.", died)
        for one in document["measures"]:
            if not one["name"]:
                continue
            kind = "histogram" if "bounds" in one else "counter"
            families.add(one["name"], kind, one["help"], _samples(one, {**who, **one.get("labels", {})}))
    for detector in detectors:
        scores = [("", {**detector.who, "statistic": key}, round(score, 4)) for key, score in detector.scores.items()]
        drifted = [("", {**detector.who, "statistic": key}, int(key in detector.drifted)) for key in detector.scores]
        families.add("vision_drift_score", "gauge", "Of the last window, by its threshold: above 1 too large.", scores)
        families.add("vision_drift", "gauge", "1 after two windows above 1, until one in which none is.", drifted)
    return families.text()


class Families:
    """Samples by name: a name's lines stand together, whoever has counted them."""

    def __init__(self) -> None:
        self._heads: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def add(self, name: str, kind: str, about: str, samples: Iterable[tuple[str, Labels, float]]) -> None:
        """Of each sample: what its name ends in, its labels, its value."""
        self._heads.setdefault(name, f"# HELP {name} {about}\n# TYPE {name} {kind}\n")
        lines = self._lines.setdefault(name, [])
        lines += [f"{name}{suffix}{_written(labels)} {_number(value)}\n" for suffix, labels, value in samples]

    def text(self) -> str:
        return "".join(self._heads[name] + "".join(lines) for name, lines in self._lines.items())


def _samples(one: Mapping[str, Any], labels: Labels) -> Iterator[tuple[str, Labels, float]]:
    if "bounds" not in one:
        for value, count in one["counts"].items():
            yield "", {**labels, one["label"]: value} if one["label"] else labels, count
        return
    seen = 0
    for bound, count in zip([*one["bounds"], "+Inf"], one["counts"], strict=True):
        seen += count
        yield "_bucket", {**labels, "le": str(bound)}, seen
    yield "_sum", labels, one["sum"]
    yield "_count", labels, seen


def _written(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
