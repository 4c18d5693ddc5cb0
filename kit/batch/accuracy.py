"""How often the answers are right, where the folders of the pictures say what is on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kit.batch.results import Row

FIVE = 5


@dataclass(frozen=True)
class Accuracy:
    """Of `asked` pictures that have a label and an answer; `by_label` has (right, asked) for each label."""

    asked: int
    top1: float
    top5: float
    by_label: dict[str, tuple[int, int]]

    def worst(self, most: int) -> list[tuple[str, int, int]]:
        """(label, right, asked) of the labels that were least often right, the worst first."""
        rows = [(label, right, asked) for label, (right, asked) in self.by_label.items() if right < asked]
        return sorted(rows, key=lambda row: (row[1] / row[2], row[0]))[:most]


def accuracy(rows: Iterable[Row]) -> Accuracy | None:
    """None when no picture has both a label and an answer. A picture without an answer is no wrong one."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    among = 0
    for row in rows:
        if row.true_label is None or not row.answer:
            continue
        asked[row.true_label] += 1
        right[row.true_label] += row.label == row.true_label
        among += row.true_label in list(row.answer)[:FIVE]
    total = asked.total()
    if not total:
        return None
    by_label = {label: (right[label], count) for label, count in sorted(asked.items())}
    return Accuracy(total, right.total() / total, among / total, by_label)
