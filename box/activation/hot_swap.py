"""A model-only change beside the running server: registered, gated, made the default, and the old one retired."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from box.activation.release_gate import Examiner, Measured
from box.server import command, endpoints
from box.state.events import say
from box.state.paths import Paths
from box.store import integrity, releases
from common import durable
from common.errors import KitError
from common.manifest import Manifest
from common.server import versions
from common.server.torchserve import Inference, Management


@dataclass(frozen=True)
class Hot:
    paths: Paths
    old: Manifest
    new: Manifest
    inference: Inference
    management: Management

    def register(self) -> None:
        """Return when the new version's workers have started; the old one goes on answering."""
        link = self._archive(self.new)
        link.unlink(missing_ok=True)
        link.symlink_to(self.paths.release(self.new.release) / self.new.model.archive)
        model = self.new.model
        versions.unregister(self.management, model.name, model.version)  # left from an attempt that was killed
        self.management.register(link.name, self.new.server.workers, self.new.gate.ready_seconds)

    def examine(self, server_pid: int) -> Measured:
        """The new version by its own number, with the old one's workers left out of its memory."""
        rows = self.management.describe(self.old.model.name, self.old.model.version)
        old_workers = [worker["pid"] for row in rows for worker in row["workers"]]
        folder = self.paths.release(self.new.release)
        golden = integrity.whole_golden(self.paths, self.new)
        version, temp = self.new.model.version, self.paths.temp
        examiner = Examiner(self.new, temp, folder, golden, self.inference, self.management, version)
        return examiner.examine(server_pid, old_workers)

    def make_default(self) -> None:
        self.management.set_default(self.new.model.name, self.new.model.version)
        self._serves(self.new)

    def undo(self) -> None:
        """The old version is the default again and the new one gone. Raises KitError when that cannot be seen."""
        self.management.set_default(self.old.model.name, self.old.model.version)
        self._serves(self.old)
        self._finish(self.new)
        versions = [row["modelVersion"] for row in self.management.describe(self.old.model.name, "all")]
        if versions != [self.old.model.version]:
            raise KitError(f"versions {', '.join(versions)} are registered, not {self.old.model.version} alone")
        golden = integrity.first_golden(self.paths, self.old)
        picture = (self.paths.release(self.old.release) / golden.file).read_bytes()
        self.inference.predict(self.old.model.name, picture, self.old.server.response_timeout)

    def retire(self) -> None:
        """Let the old version finish what it has, then remove it."""
        self._finish(self.old)

    def _finish(self, version: Manifest) -> None:
        model = version.model
        versions.retire(self.management, model.name, model.version, version.server.response_timeout, say)
        self._archive(version).unlink(missing_ok=True)

    def _archive(self, version: Manifest) -> Path:
        return self.paths.store / command.archive_name(version)

    def _serves(self, version: Manifest) -> None:
        """The server's own word on what it runs, for status."""
        with suppress(OSError):
            owner = self.paths.server_state.stat()
            now = {"release": version.release, "files": releases.files_of(self.paths, version)}
            content = json.dumps(endpoints.own_word(self.paths) | now).encode()
            durable.write(self.paths.server_state, content, mode=0o640)
            os.chown(self.paths.server_state, owner.st_uid, owner.st_gid)
