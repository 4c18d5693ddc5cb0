"""baseline.json: how the validation pictures look to the exported model, and the thresholds of the drift tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import kit.handlers  # noqa: F401
import measures
from common.errors import UsageError
from common.watch import drift
from kit.files import write_json
from kit.model.checks.comparison import BATCH, Comparison
from kit.model.drift.observing import Column, observe
from kit.model.drift.thresholds import thresholds
from kit.model.pictures import decoding
from kit.model.source.preprocessing import Preprocessing
from kit.profiles import Profile

WINDOW = 125  # pictures: drift is seen after two to three of these
FEWEST = 40  # validation pictures; of fewer nothing can be said
DAYS = 30  # within which there may be one false alarm
SECTION, KEY, DEFAULT = "drift", "pictures_a_day", 2000
MOST_A_DAY = 10_000_000
MOST_CHANCE = 0.05  # of a false alarm in two windows, where hardly any traffic is stated


def pictures_a_day(profile: Profile) -> int:
    """The traffic that the rate of false alarms is stated for. Raises UsageError for what is no number of pictures."""
    section: Any = profile.read_model_config().get(SECTION) or {}
    found = section.get(KEY, DEFAULT) if isinstance(section, dict) else section
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= MOST_A_DAY:
        raise UsageError(
            f"{profile.model_config}: {SECTION}: {KEY} {found!r} is no number of pictures",
            f"write `{SECTION}:` and below it `  {KEY}: {DEFAULT}`, up to {MOST_A_DAY}",
        )
    return found


def write(path: Path, measured: Comparison, steps: Preprocessing, a_day: int) -> str:
    """Of too few pictures there is none, and what is returned says so."""
    if len(measured.pictures) < FEWEST:
        path.unlink(missing_ok=True)
        return f"{len(measured.pictures)} pictures are too few to watch for drift by: {FEWEST} at least"
    crops = (
        np.ascontiguousarray(crop.permute(1, 2, 0).numpy())
        for batch in decoding.crops(measured.pictures, steps, BATCH)
        for crop in batch
    )
    columns = observe(crops, measured.exported.float().numpy(), measured.labels)
    write_json(path, document(columns, measured.labels, a_day))
    return ""


def document(columns: Sequence[Column], labels: Sequence[str], a_day: int) -> dict[str, Any]:
    windows = max(1.0, a_day * DAYS / WINDOW)
    found = thresholds(columns, WINDOW, min(1 / windows, MOST_CHANCE))
    return {
        "window": WINDOW,
        "pictures": len(columns[0].indices),
        KEY: a_day,
        "labels": measures.distinct(list(labels)),
        "statistics": [_statistic(key, columns, threshold) for key, threshold in found.items()],
    }


def _statistic(key: str, columns: Sequence[Column], threshold: float) -> dict[str, Any]:
    own = [column for column in columns if column.key == key]
    counts = [np.bincount(column.indices, minlength=column.bins).tolist() for column in own]
    shown = counts if own[0].kind == drift.OUTPUTS else counts[0]
    return {"key": key, "kind": own[0].kind, "counts": shown, "threshold": round(threshold, 4)}
