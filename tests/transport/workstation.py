"""The workstation of a fleet of two boxes, whose commands are run as an operator runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from kit.build import PROJECT
from tests.conftest import script_environment
from tests.kit.fleet import small_bundle
from tests.transport.sshd import Boxes

FLEET = """
boxes: [shelf-01, shelf-02]
pause: 0
confirm_seconds: 10
signers: signers
"""


class Workstation:
    """A folder with a fleet file, a key and bundles; `run` is the command."""

    def __init__(self, folder: Path, boxes: Boxes) -> None:
        self.folder, self.boxes = folder, boxes
        self.key = small_bundle.make_key(folder)
        (folder / "fleet.yaml").write_text(FLEET)

    def environment(self, **variables: str) -> dict[str, str]:
        named = {"FLEET": str(self.folder / "fleet.yaml"), "SSH_CONFIG": str(self.boxes.ssh_config)}
        return script_environment(self.folder / "build", COLUMNS="160", **{**named, **variables})

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.script("fleet", *arguments, **variables)

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", f"scripts.{name}", *arguments]
        environment = self.environment(**variables)
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)

    def deploy(self, made: small_bundle.Made, **variables: str) -> dict[str, Any]:
        done = self.run("deploy", BUNDLE=str(made.file), JSON="1", **variables)
        assert done.stdout, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if document["ok"] else 1)
        return document

    def bundle(self, version: str, model: bytes = b"model", wheel: bytes = b"a wheel") -> small_bundle.Made:
        return small_bundle.write(self.folder / "bundles", self.key, version, model=model, wheel=wheel)

    def confirmed(self) -> list[str | None]:
        return [self.boxes.state(name)["confirmed"] for name in self.boxes.names]
