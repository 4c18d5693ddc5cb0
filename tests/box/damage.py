"""What is done to a file of a box, and what the box and the workstation do then."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from box import damaged_files
from tests.box.shop import Box, Release, wait_for


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def noise(path: Path) -> None:
    path.write_bytes(random.Random(path.name).randbytes(max(64, path.stat().st_size)))  # noqa: S311 (not a secret)


def missing(path: Path) -> None:
    path.unlink()


HARM = [emptied, torn, noise, missing]
Harm = Callable[[Path], None]


def boot(box: Box) -> None:
    """A power cut, and what the unit does then: recover, and the server."""
    box.reboot()
    start = "import sys; from pathlib import Path; from box.state.paths import Paths; from box.server import service"
    command = [sys.executable, "-c", f"{start}; service.of(Paths(Path(sys.argv[1]))).start()", str(box.root)]
    subprocess.run(command, env=box.environment, check=True, capture_output=True)
    wait_for(lambda: box.ask("status")["answers"])


def redeployed(box: Box, release: Release) -> None:
    """As the workstation does it: what is missing is sent, and once more where a part was damaged."""
    box.provision()
    box.deliver(release)
    status, lines = box.run("receive", release.name)
    if status:
        assert lines[-1]["damaged"], lines
        box.deliver(release)
        box.ask("receive", release.name)
    box.ask("activate", release.name)
    box.ask("confirm", release.name)
    assert box.answers_with() == release.document["model"]["version"]
    assert damaged_files.damaged(box.paths) == []
