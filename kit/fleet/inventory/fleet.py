"""What a fleet file says, as data: boxes, and how a roll-out goes through them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """`address` is what ssh takes; `inference_address` is where the box's TorchServe listens, `gateway_address` where
    clients reach it; "" is for what the box has. `first_gateway`: where they reach one that has nothing yet."""

    address: str
    groups: tuple[str, ...] = ()
    inference_address: str = ""
    gateway_address: str = ""
    first_gateway: str = ""

    @property
    def name(self) -> str:
        """What tables call it: the address without the user."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class WaveRule:
    """Which boxes a wave takes of those that no earlier wave took: a group, a count, a percentage of the whole fleet,
    or with none of them all that are left."""

    group: str = ""
    count: int = 0
    percent: float = 0.0
    pause: float | None = None
    allowed_failures: int | None = None
    soak: float | None = None


@dataclass(frozen=True)
class Fleet:
    """`source` is where it is written: a file, or HOSTS. Times in seconds; `bwlimit` in kB/s a box, 0: none.
    `notify`: whom boxes tell of alerts (common/watch/notifying.py), "" to leave a box's own."""

    name: str
    source: str
    boxes: tuple[Box, ...]
    waves: tuple[WaveRule, ...] = ()
    pause: float = 60.0
    soak: float = 0.0
    allowed_failures: int = 0
    confirm_seconds: int = 60
    parallel: int = 16
    bwlimit: int = 0
    signers: str = ""
    notify: str = ""
