"""Windows of pictures for the drift tests, cut out of what workers have counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common import durable
from common.watch import drift
from common.watch.drift import Baseline, Detector, Window


class DriftWatch:
    """A detector for each model version that has a baseline in its archive."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str, float], _Version | None] = {}

    def look(self, documents: list[dict[str, Any]]) -> list[Detector]:
        """Take in what workers' parents tell now. The detectors of the versions that are there."""
        found = []
        seen = {}
        for document in documents:
            who = (document["model"], document["version"], document["since"])
            version = self._versions[who] if who in self._versions else _version(document)
            seen[who] = version
            if version:
                version.look(document)
                found.append(version.detector)
        self._versions = seen
        return found


def _version(document: Mapping[str, Any]) -> _Version | None:
    """None for an archive without a baseline, or with one that is not ours."""
    try:
        baseline = drift.parse(durable.read_object(Path(document["folder"]) / drift.FILE))
        return _Version(baseline, document)
    except (KeyError, TypeError, ValueError):
        return None


class _Version:
    def __init__(self, baseline: Baseline, document: Mapping[str, Any]) -> None:
        who = {"model": document["model"], "version": document["version"]}
        self.detector, self._baseline = Detector(baseline, who), baseline
        self._begun = counted(document, baseline)

    def look(self, document: Mapping[str, Any]) -> None:
        now = counted(document, self._baseline)
        window = difference(now, self._begun)
        if window.pictures >= self._baseline.window:
            self._begun = now
            self.detector.judge(window)


def counted(document: Mapping[str, Any], baseline: Baseline) -> Window:
    """Everything since the workers' parent began, in the baseline's bins. Raises KeyError for a handler that does not
    count what the baseline is of."""
    measures = {one["key"]: one for one in document["measures"]}
    labels = measures["label"]["counts"]
    pictures = sum(labels.values())
    bins: dict[str, Any] = {}
    for one in baseline.statistics:
        if one.kind == drift.PSI:
            bins[one.key] = [labels.get(label, 0) for label in baseline.labels]
        elif one.kind == drift.OUTPUTS:
            bins[one.key] = _groups(measures[one.key]["counts"], one.counts, pictures)
        else:
            bins[one.key] = measures[one.key]["counts"]
    return Window(pictures, bins, measures[drift.REPEATED]["counts"].get("all", 0))


def _groups(counts: Mapping[str, int], baseline: Any, pictures: int) -> list[list[int]]:
    """Of each group its levels, as the handler names them: `7>0.1`. What is below all of them is not counted there."""
    found = [[0] * len(group) for group in baseline]
    names = drift.LEVELS
    for name, count in counts.items():
        place, _, level = name.partition(">")
        found[int(place)][1 + names.index(float(level))] = count
    for group in found:
        group[0] = pictures - sum(group)
    return found


def difference(now: Window, before: Window) -> Window:
    bins = {key: _less(counts, before.bins[key]) for key, counts in now.bins.items()}
    return Window(now.pictures - before.pictures, bins, now.repeated - before.repeated)


def _less(counts: Any, before: Any) -> Any:
    """Of numbers, or of lists of them."""
    if isinstance(counts, list):
        pairs: Iterable[tuple[Any, Any]] = zip(counts, before, strict=True)
        return [_less(one, other) for one, other in pairs]
    return counts - before
