"""The NVIDIA GPUs that a server will use here: what nvidia-smi lists, less what CUDA_VISIBLE_DEVICES hides."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

VARIABLE = "CUDA_VISIBLE_DEVICES"
NONE = "-1"  # CUDA ends at the first number that is no device's
ANSWER_SECONDS = 15.0
QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader")


@dataclass(frozen=True)
class Gpus:
    """`devices`: CUDA_VISIBLE_DEVICES for them in the one form that TorchServe reads, numbers; "" where nothing is to
    hide. `why`: why there are fewer than one would expect, "" when there is nothing to say."""

    names: tuple[str, ...] = ()
    devices: str = NONE
    why: str = ""


@dataclass(frozen=True)
class Card:
    index: str
    uuid: str
    name: str


def usable() -> Gpus:
    """Those of this machine that this process is let see. Never raises: a broken driver is a reason, too."""
    if not shutil.which(QUERY[0]):
        return Gpus(devices="")
    try:
        asked = subprocess.run(QUERY, capture_output=True, text=True, errors="replace", timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        said = f"no answer in {ANSWER_SECONDS:g} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        return Gpus(why=f"nvidia-smi failed: {said}")
    if asked.returncode:
        lines = [line.strip() for line in (asked.stdout + asked.stderr).splitlines() if line.strip()]
        return Gpus(why=f"nvidia-smi failed: {lines[0][:200] if lines else f'exit status {asked.returncode}'}")
    rows = [[part.strip() for part in line.split(",", 2)] for line in asked.stdout.splitlines()]
    return visible([Card(*row) for row in rows if len(row) == len(Card.__annotations__)], os.environ.get(VARIABLE))


def visible(cards: Sequence[Card], wanted: str | None) -> Gpus:
    """Of the machine's cards those that CUDA_VISIBLE_DEVICES names: numbers or beginnings of UUIDs, up to the first
    that names none, as CUDA itself reads it."""
    if wanted is None:
        return _of(cards, "")
    shown: list[Card] = []
    for word in (part.strip() for part in wanted.split(",")):
        named = [card for card in cards if word and (word == card.index or card.uuid.startswith(word))]
        if len(named) != 1 or named[0] in shown:
            break
        shown.append(named[0])
    mig = ", and TorchServe uses no MIG devices" if "MIG-" in wanted else ""
    hides = f"{VARIABLE}={wanted} leaves {len(shown)} of {len(cards)}{mig}"
    return _of(shown, hides if len(shown) < len(cards) else "")


def _of(cards: Sequence[Card], why: str) -> Gpus:
    return Gpus(tuple(card.name for card in cards), ",".join(card.index for card in cards) or NONE, why)
