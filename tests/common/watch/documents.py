"""What a workers' parent tells, as worker/metrics.py writes it."""

from __future__ import annotations

import json
from typing import Any

from worker.metrics import Metrics, Row

MEASURES: list[dict[str, Any]] = [
    {"key": "confidence", "name": "vision_confidence", "help": "Of the first answer.", "bounds": [0.5, 0.9]},
    {
        "key": "label",
        "name": "vision_answers_total",
        "help": "Answers.",
        "label": "label",
        "values": ["Banana", 'L"ime'],
    },
]


class Workers:
    """Of one model version, with one worker."""

    def __init__(self, version: str = "1.0") -> None:
        self.version, self.metrics = version, Metrics(MEASURES)
        self.row: Row = self.metrics.row(self.metrics.take_row())

    def answer(self, label: int = 0, confidence: float = 0.8, seconds: float = 0.01) -> None:
        self.row.status("code", 200)
        self.row.count("label", label)
        self.row.observe("confidence", confidence)
        self.row.observe("handler", seconds)

    def document(self) -> dict[str, Any]:
        about = {"model": "fruit", "version": self.version, "precision": "int8"}
        found: dict[str, Any] = json.loads(self.metrics.document(about))
        return found
