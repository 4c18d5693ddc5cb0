"""python -m benchmarks.drift [SPLITS [PICTURE]]

The embedded model's validation pictures, of which three a class make the baseline and two are held apart as traffic,
split anew SPLITS times. What goes wrong begins somewhere within a window. Prints a table for docs/watching.md, and
draws PICTURE (an .svg).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.drift import streams
from benchmarks.drift.cases import (
    CHANGES,
    FROZEN,
    NOTHING,
    UNSEEN,
    Photographs,
    Pixels,
    answers,
    embedded,
    logits,
)
from benchmarks.drift.streams import Seen, false_alarms, goes_wrong, parsed
from kit.model.drift import baseline
from kit.model.drift.observing import Column, observe
from kit.report.plots import SHARES, STYLE

A_CLASS = 3  # of the pictures, for the baseline
UNKNOWN = 10  # classes that the network of «never seen» does not know
QUIET_WINDOWS = 200


class Observed:
    """Each photograph under each change, worked out once, when it is first asked for."""

    def __init__(self, shown: Photographs) -> None:
        self.shown = shown
        self._crops: dict[tuple[str, int], Pixels] = {}
        self._logits: dict[tuple[str, int], Any] = {}

    def columns(self, chosen: Any, change: str = NOTHING, classes: Sequence[int] | None = None) -> list[Column]:
        known = list(range(len(self.shown.labels)) if classes is None else classes)
        wanted = [(change, int(index)) for index in chosen]
        self._work_out([one for one in wanted if one not in self._logits])
        scores = np.stack([self._logits[one] for one in wanted])
        labels = [self.shown.labels[index] for index in known]
        return observe([self._crops[one] for one in wanted], answers(scores, known), labels)

    def _work_out(self, missing: Sequence[tuple[str, int]]) -> None:
        if missing:
            self._crops |= {(change, index): CHANGES[change](self.shown.crops[index]) for change, index in missing}
            found = logits(self.shown.source, [self._crops[one] for one in missing])
            self._logits |= dict(zip(missing, found, strict=True))


def split(shown: Photographs, seed: int) -> tuple[Any, Any]:
    """Which pictures make the baseline, and which come as traffic."""
    chance = np.random.default_rng(seed)
    own = [chance.permutation(np.flatnonzero(shown.classes == one))[:A_CLASS] for one in range(len(shown.labels))]
    validation = np.concatenate(own)
    return validation, np.setdiff1d(np.arange(len(shown.crops)), validation)


def measure(observed: Observed, seed: int) -> tuple[dict[str, Seen], int]:
    """What was seen of each case, and the false alarms in QUIET_WINDOWS."""
    labels, classes = observed.shown.labels, observed.shown.classes
    validation, held = split(observed.shown, seed)
    base, good = parsed(observed.columns(validation), labels), observed.columns(held)
    wrong = {name: observed.columns(held, name) for name in CHANGES if name != NOTHING}
    wrong[FROZEN] = observed.columns(held[seed % len(held) :][:1])
    found = {name: goes_wrong(base, good, columns, seed) for name, columns in wrong.items()}
    known = np.sort(np.random.default_rng(seed).permutation(len(labels))[UNKNOWN:])
    is_known, named = np.isin(classes, known), [labels[index] for index in known]
    own, good_known, strange = (
        observed.columns(part, NOTHING, known.tolist())
        for part in (validation[is_known[validation]], held[is_known[held]], held[~is_known[held]])
    )
    found[UNSEEN] = goes_wrong(parsed(own, named), good_known, strange, seed)
    return found, false_alarms(base, good, QUIET_WINDOWS, seed)


def table(found: Sequence[dict[str, Seen]]) -> str:
    rows = ["| what went wrong | seen | pictures until then: median (most) | most often as |", "|---|---|---|---|"]
    for case in found[0]:
        delays = [delay for one in found if (delay := one[case].delay) is not None]
        words = statistics.mode(one[case].words.split(", ")[0] for one in found)
        middle = f"{statistics.median(delays):.0f} ({max(delays)})" if delays else "–"
        rows.append(f"| {case} | {len(delays)} of {len(found)} | {middle} | {words} |")
    return "\n".join(rows)


def draw(found: dict[str, Seen], path: Path) -> None:
    """The largest score of each window, of one split."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for colour, (case, seen) in zip(SHARES, found.items(), strict=False):
            at = [baseline.WINDOW * (number + 1) for number in range(len(seen.scores))]
            axes.plot(at, seen.scores, marker=".", color=colour, label=case, lw=1.3)
        axes.axhline(1, color="#b3261e", ls="--", lw=1)
        axes.axvspan(
            streams.BEFORE * baseline.WINDOW, (streams.BEFORE + 1) * baseline.WINDOW, color="#8a8d91", alpha=0.15, lw=0
        )
        axes.set_yscale("log")
        axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        axes.set_xlabel(f"pictures, in windows of {baseline.WINDOW}; it goes wrong within the shaded one")
        axes.set_title("The largest statistic of each window, by its threshold")
        figure.legend(loc="outside right center")
        figure.savefig(path, metadata={"Date": None})


def main(splits: str = "12", picture: str = "") -> None:
    observed = Observed(embedded())
    measured = [measure(observed, seed) for seed in range(int(splits))]
    found = [cases for cases, _ in measured]
    print(table(found))
    alarms = sum(count for _, count in measured)
    print(f"\nfalse alarms in {QUIET_WINDOWS * len(measured)} windows of pictures held apart: {alarms}")
    if picture:
        draw(found[0], Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
