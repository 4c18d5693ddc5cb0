"""Pictures kept for a person to label: those that the model was least sure of, and a random few of all.

Only where model-config.yaml has `sample:`, and whoever started the server says where (VISION_SAMPLES). What is kept
lies in a folder for the day on which it has to be gone, so that whoever clears up (common/samples.py) needs to know no
more:

    2026-12-14/doubtful/0.3124_0.3124_20261130T091403Z_6a09e667f3bc_Oat-Milk.jpg
    2026-12-14/random/0.0021_0.9812_20261130T101207Z_bb67ae8584ca_Banana.jpg
                      rank   sure of it, when, the first of its SHA-256, what the model took it for

Of each kind a day has the pictures with the lowest ranks: how sure the model was, or a number drawn at random. So every
worker can decide alone, and how many are kept does not grow with the traffic.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from picture_formats import supported_format

VARIABLE = "VISION_SAMPLES"
DOUBTFUL, RANDOM = "doubtful", "random"
ALL = 2.0  # above every rank
MEGABYTE = 1_000_000
LARGEST_SHARE = 0.1  # of what may be kept, for one picture
LEAST_FREE = 0.1  # of the disk
LONGEST_LABEL = 120  # bytes; a file's name may have 255
DAY = 86400


@dataclass(frozen=True)
class SampleSettings:
    """The `sample:` section of model-config.yaml: pictures of each kind a day, for how many days, and the most that all
    of them take."""

    pictures_a_day: int = 20
    days: int = 14
    megabytes: int = 100


class Samples:
    """A worker's; others write into the same folder. With no settings or no folder nothing is kept."""

    def __init__(self, settings: SampleSettings | None, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings if VARIABLE in environment else None
        self._folder = Path(environment.get(VARIABLE, ""))
        self._day, self._limits = "", {DOUBTFUL: ALL, RANDOM: ALL}
        self._failed = ""

    def offer(self, picture: bytes, label: str, confidence: float) -> None:
        """One that was answered; kept if it is one of its day's. What goes wrong here is logged once, and no more."""
        if not self._settings:
            return
        now, confidence = time.time(), min(max(confidence, 0.0), 1.0)  # names are sorted as text
        day = _date(now + self._settings.days * DAY)
        if day != self._day:
            self._day, self._limits = day, {DOUBTFUL: ALL, RANDOM: ALL}
        ranks = {DOUBTFUL: confidence, RANDOM: random.random()}  # noqa: S311 - a sample, no secret
        for kind, rank in ranks.items():
            if rank < self._limits[kind]:
                self._try(self._settings, kind, rank, picture, _name(now, picture, label, confidence))

    def _try(self, settings: SampleSettings, kind: str, rank: float, picture: bytes, name: str) -> None:
        try:
            self._limits[kind] = _keep(settings, self._folder, self._day, kind, rank, picture, name)
        except OSError as error:
            words = str(error.strerror)
            if words != self._failed:
                logging.warning("No picture can be kept in %s: %s", self._folder, words)
            self._failed = words


def _keep(settings: SampleSettings, top: Path, day: str, kind: str, rank: float, picture: bytes, name: str) -> float:
    """Write it, let go of what is one too many, and return which rank the next one has to be below. Raises OSError."""
    folder = top / day / kind
    for part in (top, folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    most = settings.megabytes * MEGABYTE
    digest = name.split("_")[2]
    there = sorted(folder.iterdir())
    space = shutil.disk_usage(folder)
    fits = len(picture) <= LARGEST_SHARE * most and space.free > LEAST_FREE * space.total
    if fits and not any(digest in one.name for one in there):
        _write(folder / f"{rank:.4f}_{name}", picture)
        there = sorted(folder.iterdir())
    for one in there[settings.pictures_a_day :]:
        one.unlink(missing_ok=True)
    _limit(top, most)
    kept = there[: settings.pictures_a_day]
    return float(kept[-1].name.partition("_")[0]) if len(kept) == settings.pictures_a_day else ALL


def _limit(top: Path, most: int) -> None:
    """The oldest day's go first, and of a day the ones that it needs least."""
    files = sorted(top.glob("*/*/*"), key=lambda one: (one.parts[-3], -float(one.name.partition("_")[0])))
    sizes = [(one, _size(one)) for one in files]
    total = sum(size for _, size in sizes)
    for one, size in sizes:
        if total <= most:
            return
        one.unlink(missing_ok=True)
        total -= size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another worker let go of it just now
        return 0


def _write(path: Path, content: bytes) -> None:
    """For its owner alone. Beside, then renamed: a hidden name is nobody's picture."""
    beside = path.parent.parent / f".{os.getpid()}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)


def _name(now: float, picture: bytes, label: str, confidence: float) -> str:
    """Without its rank."""
    digest = hashlib.sha256(picture).hexdigest()[:12]
    ending = (supported_format(picture) or "bin").lower().replace("jpeg", "jpg")
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    return f"{confidence:.4f}_{when}_{digest}_{_short(quote(label, safe=' '))}.{ending}"


def _short(label: str) -> str:
    """A name that was quoted, cut where a character ends."""
    if len(label) <= LONGEST_LABEL:
        return label
    cut = label[:LONGEST_LABEL]
    return cut[: cut.rfind("%")] if "%" in cut[-2:] else cut


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
