"""One export and one archive for each precision, made once and kept: a candidate's own archive is a copy of it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.durable import sha256
from common.errors import KitError
from kit.build import PROJECT, Build
from kit.files import write_json, write_text
from kit.handlers import HANDLERS
from kit.profiles import MODEL_CONFIG, PROPERTIES, SECTION, Profile
from kit.tune.trial.folders import Folders
from kit.tune.trial.settings_files import Setting, in_yaml

# What the user says about the model, in the words of `make export`.
REQUEST = (
    "ARCH",
    "WEIGHTS",
    "WEIGHTS_KEY",
    "MULTILABEL",
    "LABELS",
    "PREPROCESSING",
    "PICTURES",
    "MODEL_NAME",
    "CALIBRATION",
)
GATE = ("MAX_ACCURACY_DROP", "MIN_AGREEMENT")
# Of the user's shell, and meant for this command and not for those it runs.
NOT_PASSED_ON = ("PRECISION", "RUNTIME", "PLATFORM", "JSON", "MODEL_VERSION", "PROFILE", "BUILD")
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Exports:
    """Makes them by the commands a user types, each in a process of its own: torch and its threads stay out of the
    one that measures. `stopped` says whether the user has asked to end."""

    base: Profile
    folders: Folders
    stopped: Callable[[], bool]

    def build(self, precision: str) -> Build:
        return Build(self.folders.exports / precision)

    def stamp(self, precision: str) -> Path:
        """Says of what the export was made, and why there is none if so."""
        return self.folders.exports / f"{precision}.json"

    def make(self, precision: str) -> str:
        """Why there is no export in this precision, "" when there is one. An earlier answer for the same model
        stands, whichever it was."""
        stamp, identity = self.stamp(precision), self.identity(precision)
        try:
            earlier = json.loads(stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            earlier = {}
        if earlier.get("identity") == identity:
            return str(earlier["failure"])
        failure = ""
        for command in ("export", "archive"):
            if failure := self._run(command, precision):
                break
        write_json(stamp, {"identity": identity, "failure": failure})
        return failure

    def _run(self, command: str, precision: str) -> str:
        """Raises KeyboardInterrupt when the user asks to end, and KitError for what no precision would fix."""
        environment = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
        environment |= {"BUILD": str(self.folders.exports), "PROFILE": str(self._profile(precision))}
        with subprocess.Popen(
            [sys.executable, "-m", f"scripts.{command}", "--json"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for this process, which passes it on
        ) as process:
            said = self._wait(process)
        if not process.returncode:
            return ""
        refusals = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]
        if process.returncode != KitError.exit_status or not refusals:
            raise KitError(
                f"make {command} in {precision} failed: {said.strip()}", f"make {command} PRECISION={precision}"
            )
        return refusals[0]

    def _wait(self, process: subprocess.Popen[str]) -> str:
        while True:
            try:
                return process.communicate(timeout=POLL_SECONDS)[1]
            except subprocess.TimeoutExpired:
                if self.stopped():
                    process.terminate()
                    process.communicate()
                    raise KeyboardInterrupt from None

    def _profile(self, precision: str) -> Path:
        """A profile like the user's, for this precision; `make export` and `make archive` take it."""
        folder = self.folders.profiles / precision
        text = self.base.model_config.read_text(encoding="utf-8")
        asked = [Setting("precision", precision, "")]
        write_text(folder / MODEL_CONFIG, in_yaml(text, "For a measurement.", [], SECTION, asked))
        write_text(folder / PROPERTIES, self.base.properties.read_text(encoding="utf-8"))
        return folder

    def identity(self, precision: str) -> str:
        """Changes with whatever the archive is made of."""
        digest = hashlib.sha256(precision.encode())
        for name in (*REQUEST, *GATE):
            value = os.environ.get(name, "")
            digest.update(f"{name}={value}\n".encode())
            path = Path(value.rpartition(":")[0] if name == "ARCH" else value)
            if value and path.is_file():
                digest.update(sha256(path).encode())
            elif value and path.is_dir():
                files = sorted(file for file in path.rglob("*") if file.is_file())
                digest.update("".join(f"{file}{file.stat().st_size}\n" for file in files).encode())
        rooms = (PROJECT / "kit" / "checkpoint", PROJECT / "kit" / "model", HANDLERS)
        sources = [file for room in rooms for file in sorted(room.rglob("*.py"))]
        for file in (self.base.model_config, *sources):
            digest.update(file.read_bytes())
        return digest.hexdigest()
