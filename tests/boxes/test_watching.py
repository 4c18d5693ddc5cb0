"""A fleet at work: one camera goes dark, one box is slow, one link is down. The report and the alerts say exactly that.
And a release that passes its gate and is slow in traffic is found by the soak.
"""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageStat

from kit.build import PROJECT
from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Workshop, delayed
from tests.boxes.shop import Shop, header, settle, wait_until
from tests.boxes.workstation import Workstation
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
PICTURES = sorted((PROJECT / "models/resnet18-grocery43/validation").glob("*/*.jpg"))
WINDOW = 125  # pictures, of which drift wants two
SAMPLES = "/var/lib/vision-serve/record/samples"
TOLD = "/var/lib/vision-serve/record/told"  # where the server's user may write
NOTIFY = f"notify: tee -a {TOLD}"


def darkened(picture: bytes) -> bytes:
    """With a quarter of the light."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").point(lambda value: value // 4).save(file, "JPEG", quality=90)
    return file.getvalue()


@dataclass
class Camera:
    """One box's: `pictures` are what it shows now, again and again. `answered` counts the statuses."""

    box: Box
    pictures: list[bytes]
    seed: int
    pause: float = 0.1
    answered: Counter[int] = field(default_factory=Counter)

    def run(self, ending: threading.Event) -> None:
        url, place = f"http://{self.box.address}:8080/predictions/resnet18", self.seed
        with self.box.session.network.entered(), httpx.Client(timeout=30, trust_env=False) as client:
            headers = header(self.box)
            while not ending.is_set():
                try:
                    answer = client.post(url, content=self.pictures[place % len(self.pictures)], headers=headers)
                    self.answered[answer.status_code] += 1
                    if answer.status_code == 401:  # it was started again, with another token
                        headers = header(self.box)
                except (httpx.TransportError, AssertionError, RuntimeError):
                    self.answered[0] += 1
                place += 1
                ending.wait(self.pause)

    def shows(self, count: int, timeout: float = 200) -> None:
        """Wait for so many answers from now on."""
        wanted = self.answered[200] + count
        wait_until(lambda: self.answered[200] >= wanted, f"{count} answers of {self.box.name}", timeout)


@contextmanager
def cameras(*boxes: Box, seed: int = 7) -> Iterator[list[Camera]]:
    """One at each box, at work while the block runs."""
    pictures = [path.read_bytes() for path in PICTURES]
    made = [Camera(box, pictures, seed * 31 * number) for number, box in enumerate(boxes)]
    with meanwhile(*(camera.run for camera in made)):
        yield made


@contextmanager
def held_up(box: Box) -> Iterator[None]:
    """Meanwhile something else has its processor, for a second again and again: no answer is done within one turn."""
    worker = box.sudo("sh -c 'grep -lx model-worker /proc/[0-9]*/comm'").split("/")[2]
    hold = f"while kill -STOP {worker}; do sleep 1.1; kill -CONT {worker}; sleep 0.002; done"
    box.sudo(f"systemd-run --quiet --collect --unit=held-up sh -c '{hold}'")
    try:
        yield
    finally:
        box.sudo("systemctl stop held-up")
        box.sudo(f"kill -CONT {worker}")


def names(found: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    return {box: set(active) for box, active in found.items()}


def alerts(workstation: Workstation, names: list[str]) -> dict[str, dict[str, str]]:
    """Of each box that can be reached, by its own word."""
    return {name: row["alerts"] for name, row in workstation.status(names).items() if "alerts" in row}


def reported(workstation: Workstation, names: list[str]) -> dict[str, dict[str, Any]]:
    """`make report FLEET=`, by box, the worst first."""
    rows = json.loads(workstation.printed("report", names, SINCE="1d"))["servers"]
    return {row["name"]: row for row in rows}


def told(box: Box) -> list[tuple[str, str]]:
    """What the box has told the fleet file's `notify`."""
    lines = box.sudo(f"sh -c 'cat {TOLD} 2>/dev/null || true'").replace("}{", "}\n{").splitlines()
    return [(row["alert"], row["state"]) for row in map(json.loads, lines)]


@pytest.fixture
def watched(shop: Shop) -> Iterator[Workstation]:
    """With fresh records, and somebody to tell."""
    workstation = shop.workstation.with_lines(NOTIFY)
    shutil.rmtree(workstation.folder / "fleet/shop/records", ignore_errors=True)
    for box in shop.boxes:
        box.sudo("systemctl stop vision-serve")
        box.sudo("sh -c 'rm -rf /var/lib/vision-serve/record/*'")
        box.sudo("systemctl start vision-serve")
    for box in shop.boxes:
        settle(box)
    done = workstation.deploy(shop.first, shop.names)
    assert done.status == 0, f"{done.document}{done.said}"
    yield workstation
    shop.restore()
    done = shop.workstation.with_lines("notify: none").deploy(shop.first, shop.names)
    assert done.status == 0, f"{done.document}{done.said}"


@pytest.mark.parametrize("to_the_alert", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_the_report_and_the_alerts_say_what_is_wrong_with_each_box(
    fault: BeginFault, shop: Shop, watched: Workstation, to_the_alert: bool
) -> None:
    """An alert of slow answers wants a seventh of the last hour's for two minutes (`to_the_alert`); the report has them
    at once."""
    tried = fault("one camera goes dark, one box is slow, one link is down")
    dark, slow, lost = shop.boxes
    with ExitStack() as stack:
        made = stack.enter_context(cameras(*shop.boxes))
        for camera in made:
            camera.shows(WINDOW + 5)
        assert alerts(watched, shop.names) == {name: {} for name in shop.names}
        before = reported(watched, shop.names)
        assert [row["summary"]["drifts"] for row in before.values()] == [[]] * 3

        lost.cut()
        made[0].pictures = [darkened(picture) for picture in made[0].pictures]
        stack.enter_context(held_up(slow))
        began = time.monotonic()
        wanted = {dark.name: {"VisionDrift"}, slow.name: {"VisionSlowFast"} if to_the_alert else set()}
        reached = [dark.name, slow.name]
        while names(found := alerts(watched, reached)) != wanted:
            assert time.monotonic() - began < 600, f"{wanted} never came, but {found}"
        seconds = time.monotonic() - began
        assert names(alerts(watched, shop.names)) == wanted, "of the third there is no word"
        assert "darker" in found[dark.name]["VisionDrift"]
        if to_the_alert:
            assert "took more than a second" in found[slow.name]["VisionSlowFast"]
        rows = reported(watched, shop.names)
        assert next(iter(rows)) == lost.name, "who cannot be asked comes first"
        assert rows[lost.name]["error"].startswith("out of reach")
        assert rows[lost.name]["summary"]["requests"] >= WINDOW, "what was fetched before is drawn"
        told_of = {name: {one.partition(":")[0] for one in row["alerts"]} for name, row in rows.items()}
        assert told_of == wanted | {lost.name: set()}
        assert rows[slow.name]["summary"]["p99_ms"] > 1000 > rows[dark.name]["summary"]["p99_ms"]
        assert all(row["summary"]["failed"] == row["summary"]["worker_deaths"] == 0 for row in rows.values())

    assert "drwx------" in dark.sudo(f"ls -ld {SAMPLES}")
    folder = Path(f"{watched.folder}.collected")
    assert "new pictures in" in watched.printed("collect", [dark.name], OUT=str(folder))
    collected = list(folder.rglob("*.jpg"))
    assert 5 <= len(collected) <= 10, "of two kinds five a day"
    assert any(_brightness(path) < 60 for path in collected)
    assert "0 new pictures" in watched.printed("collect", [dark.name], OUT=str(folder))

    lost.plug()
    lost.wait_reachable()
    drift = [("VisionDrift", "firing")]
    if to_the_alert:
        with cameras(dark, slow):
            wait_until(lambda: not any(alerts(watched, [dark.name]).values()), "the end of the drift", 240)
        drift.append(("VisionDrift", "resolved"))
    assert told(dark) == drift
    assert told(slow)[:1] == [("VisionSlowFast", "firing")] * to_the_alert
    assert told(lost) == []
    tried.came = f"after {seconds:.0f} s each is told, and nothing else; the third as out of reach"


@pytest.mark.thorough
def test_a_release_that_is_slow_in_traffic_goes_no_further_than_its_first_wave(
    fault: BeginFault, shop: Shop, watched: Workstation, workshop: Workshop
) -> None:
    tried = fault("a release passes its gate, and is slow in traffic")
    soaking = watched.with_lines("soak: 130")
    good, slow = workshop.variant(shop.first, "8.0"), workshop.variant(shop.first, "8.1", delayed(0.5))
    with cameras(*shop.boxes) as made:
        for camera in made:
            camera.shows(WINDOW)
        done = soaking.deploy(good, shop.names, waves=(1,))
        assert done.status == 0, f"{done.document}{done.said}"
        done = soaking.deploy(slow, shop.names, waves=(1,))
    assert done.document["verdict"] == "taken back", f"{done.document}{done.said}"
    assert done.document["reason"].startswith("wave 1, soak: box-1: its p99 is")
    assert shop.all_running() == dict.fromkeys(shop.names, good.name)
    tried.came = done.document["reason"]


def _brightness(path: Path) -> float:
    with Image.open(path) as picture:
        return ImageStat.Stat(picture.convert("L")).mean[0]
