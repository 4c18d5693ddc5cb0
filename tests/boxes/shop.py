"""Three boxes at work, and the workstation that looks after them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kit.golden import Golden
from tests.boxes.box import Box
from tests.boxes.releases import Release
from tests.boxes.session import Session
from tests.boxes.workstation import Workstation

PROGRAM = "/usr/bin/python3 /opt/vision-serve/box.pyz"
RUNTIMES = Path("opt/vision-serve/runtimes")
ACTIVATION = Path("var/lib/vision-serve/activation.jsonl")
FILLER = "/var/filler"
LEFT_MB = 40  # less than a box keeps free, more than a model takes


@dataclass(frozen=True)
class Shop:
    """`first` is the release that every test finds on all boxes."""

    session: Session
    boxes: tuple[Box, ...]
    workstation: Workstation
    first: Release
    golden: list[Golden]

    @property
    def names(self) -> list[str]:
        return [box.name for box in self.boxes]

    def restore(self) -> None:
        """Whatever the test before did: power and cables back, disks with room, the first release everywhere."""
        with ThreadPoolExecutor(len(self.boxes)) as pool:
            found = dict(zip(self.names, pool.map(mended, self.boxes), strict=True))
        others = [name for name, release in found.items() if release != self.first.name]
        if others:
            done = self.workstation.deploy(self.first, others)
            assert done.status == 0, f"{done.document}\n{done.said}"

    def running(self, box: Box) -> str:
        """The release that the box says it runs, if it answers a golden picture asked from outside rightly too."""
        status = ask(box, "status")
        assert status["answers"], f"{box.name} says that it does not answer: {status}"
        with self.session.network.entered():
            assert not mismatch(box, self.golden[0])
        return str(status["release"])

    @contextmanager
    def crowded(self, box: Box) -> Iterator[None]:
        """Meanwhile something else has nearly all of the box's disk: a release does not fit, what runs goes on."""
        free = int(box.sudo("df --block-size=1M --output=avail /").split()[1])
        box.sudo(f"fallocate --length {free - LEFT_MB}M {FILLER}")
        try:
            yield
        finally:
            box.sudo(f"rm {FILLER}")

    def all_running(self) -> dict[str, str]:
        with ThreadPoolExecutor(len(self.boxes)) as pool:
            return dict(zip(self.names, pool.map(self.running, self.boxes), strict=True))


def mended(box: Box) -> str:
    """The release it runs, once it has power, a cable and room, and has done what it does by itself."""
    if box.is_on:
        box.plug()
    else:
        box.power_back()
    box.wait_reachable()
    box.sudo(f"rm -rf {FILLER}")
    return str(settle(box)["release"])


def ask(box: Box, verb: str, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
    """A verb's result, ok or not."""
    done = box.ssh(" ".join(["sudo", "-n", PROGRAM, verb, *arguments]), stdin=stdin)
    lines = done.stdout.strip().splitlines()
    assert lines, f"{box.name}: {verb} said nothing: {done.stderr}"
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def status_of(box: Box) -> dict[str, Any]:
    """Its status; {} while its program is not whole, which the box mends by itself."""
    done = box.ssh(f"sudo -n {PROGRAM} status")
    lines = done.stdout.strip().splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def forget(box: Box, release: Release) -> None:
    """The box has never heard of a release that an earlier test brought to it."""
    archive = next(part.sha256 for part in release.manifest.parts if part.role == "archive")
    for folder in ("blobs", "incoming/blobs"):
        box.sudo(f"rm -f /opt/vision-serve/{folder}/{archive}")
    box.sudo(f"rm -rf /opt/vision-serve/releases/{release.name}")


def header(box: Box) -> dict[str, str]:
    """The inference token of the server as it runs now: each start makes another."""
    name, _, value = box.sudo("cat /run/vision-serve/inference.header").strip().partition(":")
    return {name: value.strip()}


def predict(box: Box, picture: Path, headers: dict[str, str]) -> dict[str, float]:
    """A prediction asked from outside the box; for a thread that has entered the boxes' network."""
    url = f"http://{box.address}:8080/predictions/resnet18"
    answer = httpx.post(url, content=picture.read_bytes(), headers=headers, timeout=30, trust_env=False)
    answer.raise_for_status()
    found: dict[str, float] = answer.json()
    return found


def mismatch(box: Box, golden: Golden) -> str:
    return golden.mismatch(predict(box, golden.picture, header(box)))


def settle(box: Box, timeout: float = 240) -> dict[str, Any]:
    """Wait until the box has done what it does by itself: started, answered, gone back. Its status."""
    deadline = time.monotonic() + timeout
    while True:
        status = status_of(box)
        if status.get("answers") and not status.get("on_trial"):
            if holder := status.get("lock"):
                ask(box, "unlock", "--owner", f"'{holder['owner']}'")
            return status
        assert time.monotonic() < deadline, f"{box.name} is not well after {timeout:.0f} s: {status}"
        time.sleep(1)


def watch(box: Box, step: str) -> Callable[[], None]:
    """A function that waits until an activation begun since now has come to `step`."""
    journal = box.disk.root / ACTIVATION
    before = _mark(journal)
    return lambda: wait_until(lambda: _mark(journal) != before and f'"step": "{step}"' in _text(journal), step)


def watch_delivery(box: Box, release: Release) -> Callable[[], None]:
    """A function that waits until the parts have come; `receive` makes a release of them right after."""
    delivered = box.disk.root / f"opt/vision-serve/incoming/{release.name}.json.sig"
    return lambda: wait_until(delivered.exists, "the delivery")


def wait_until(come: Callable[[], bool], what: str, timeout: float = 300) -> None:
    deadline = time.monotonic() + timeout
    while not come():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.002)


def _mark(journal: Path) -> str:
    """What tells one activation from another: its first line."""
    return _text(journal).partition("\n")[0]


def _text(journal: Path) -> str:
    try:
        return journal.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def share_runtimes(box: Box, layer: Path) -> Path:
    """A layer with the runtimes that a box has installed, for boxes that are not to install them once more."""
    (layer / RUNTIMES).mkdir(parents=True)
    for step in (RUNTIMES, *RUNTIMES.parents[:-1]):
        shutil.copystat(box.disk.root / step, layer / step)
    shutil.copytree(box.disk.root / RUNTIMES, layer / RUNTIMES, symlinks=True, dirs_exist_ok=True)
    return layer
