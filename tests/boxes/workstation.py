"""The operator's workstation: the kit's own commands, run from the boxes' network with the operator's ssh config."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.build import PROJECT
from tests.boxes.releases import Release
from tests.boxes.session import Session
from tests.conftest import script_environment

CONFIRM_SECONDS = 25
# The commands of a fleet that are not scripts/fleet.py's.
SCRIPTS = {
    "key": ("scripts.key", "key"),
    "certificates": ("scripts.certificates",),
    "report": ("scripts.report",),
    "collect": ("scripts.collect",),
    "install": ("scripts.install", "install"),
    "uninstall": ("scripts.install", "uninstall"),
}


@dataclass(frozen=True)
class Outcome:
    """What a command came to. `document` is its JSON; `said` what it wrote for people."""

    status: int
    document: dict[str, Any]
    said: str

    def box(self, name: str) -> dict[str, Any]:
        return next(box for box in self.document["boxes"] if box["box"] == name)


@dataclass(frozen=True)
class Workstation:
    """`folder` holds this workstation's history and bundles; `signers` is the file of keys that its boxes are to trust;
    `more` are further lines of the fleet file."""

    session: Session
    folder: Path
    signers: Path
    more: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ("inference_address: http://0.0.0.0:8080", "gateway_address: none")

    def with_gateway(self, address: str) -> Workstation:
        """This workstation with a fleet file in which clients reach the boxes there, and TorchServe not at all."""
        return replace(self, addresses=(f"gateway_address: {address}", "inference_address: http://127.0.0.1:8080"))

    def deploy(self, release: Release, boxes: Sequence[str], waves: Sequence[int] = (), **variables: str) -> Outcome:
        """`make deploy`. `waves` are counts of boxes; with none all of them are one wave."""
        return finished(self.start(release, boxes, waves, **variables))

    def may_lose(self, count: int) -> Workstation:
        """This workstation with a fleet file that allows so many failures a wave."""
        return self.with_lines(f"allowed_failures: {count}")

    def with_lines(self, *lines: str) -> Workstation:
        """This workstation with further lines in its fleet file."""
        return replace(self, more=(*self.more, *lines))

    def start(
        self, release: Release, boxes: Sequence[str], waves: Sequence[int] = (), **variables: str
    ) -> subprocess.Popen[str]:
        return self.command("deploy", boxes, waves, BUNDLE=str(release.file), **variables)

    def rollback(self, boxes: Sequence[str], waves: Sequence[int] = ()) -> Outcome:
        return finished(self.command("rollback", boxes, waves))

    def printed(self, verb: str, boxes: Sequence[str], **variables: str) -> str:
        """What a command prints that must go well."""
        process = self.command(verb, boxes, (), **variables)
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        return out

    def status(self, boxes: Sequence[str]) -> dict[str, Any]:
        """Each box's own word on itself, by its name."""
        return {box["box"]: box for box in finished(self.command("status", boxes)).document["boxes"]}

    def doctor(self, box: str) -> list[dict[str, Any]]:
        """What is wrong with a box, by its own word."""
        found = finished(self.command("doctor", [box])).document["findings"]
        return [finding for finding in found if finding["place"] == box and finding["severity"] == "error"]

    def command(
        self, verb: str, boxes: Sequence[str], waves: Sequence[int] = (), **variables: str
    ) -> subprocess.Popen[str]:
        environment = script_environment(
            self.folder, FLEET=str(self.fleet(boxes, waves)), JSON="1", SSH_CONFIG=str(self.session.ssh_config)
        )
        return subprocess.Popen(
            self.session.network.within(sys.executable, "-m", *SCRIPTS.get(verb, ("scripts.fleet", verb))),
            cwd=PROJECT,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fleet(self, boxes: Sequence[str], waves: Sequence[int] = ()) -> Path:
        """The fleet file, written."""
        self.folder.mkdir(exist_ok=True)
        file = self.folder / "shop.yaml"
        lines = [
            "boxes:",
            *(f"  - {box}" for box in boxes),
            *(["waves:", *(f"  - count: {count}" for count in waves)] if waves else ["waves:", "  - percent: 100"]),
            "pause: 0",
            f"confirm_seconds: {CONFIRM_SECONDS}",
            f"signers: {self.signers}",
            *self.addresses,
            *self.more,
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


def finished(command: subprocess.Popen[str], timeout: float = 560) -> Outcome:
    """Wait for a command of the workstation; an error of the user's has words and no document."""
    try:
        printed, said = command.communicate(timeout=timeout)
    finally:
        if command.poll() is None:
            command.kill()
            command.communicate()
    return Outcome(command.returncode, json.loads(printed) if printed.strip() else {}, said)
