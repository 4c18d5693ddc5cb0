"""A model-only change beside the running server: registered, gated, made the default, and the old one retired."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from box.activation.release_gate import Examiner, Found, memory_mb
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

    @property
    def changes(self) -> list[tuple[Manifest, Manifest]]:
        """The old and the new version of each model that has changed; both releases have the same models."""
        pairs = zip(self.old.models, self.new.models, strict=True)
        return [(old, new) for old, new in pairs if old.model.version != new.model.version]

    def register(self) -> None:
        """Return when the new versions' workers have started; the old ones go on answering."""
        for _, new in self.changes:
            link = self._archive(new)
            link.unlink(missing_ok=True)
            link.symlink_to(self.paths.release(new.release) / new.model.archive)
            # left from an attempt that was killed
            versions.unregister(self.management, new.model.name, new.model.version)
            self.management.register(link.name, new.server.workers, new.gate.ready_seconds)

    def examine(self, server_pid: int) -> Found:
        """The new versions by their own numbers, with the old ones' workers left out of the memory."""
        rows = [row for old, _ in self.changes for row in self.management.describe(old.model.name, old.model.version)]
        old_workers = [worker["pid"] for row in rows for worker in row["workers"]]
        taken = partial(memory_mb, server_pid, old_workers)
        examiners = [
            Examiner(self.paths, new, self.inference, self.management, new.model.version) for _, new in self.changes
        ]
        return [(one.manifest, one.examine(taken)) for one in examiners]

    def make_default(self) -> None:
        for _, new in self.changes:
            self.management.set_default(new.model.name, new.model.version)
        self._serves(self.new)

    def undo(self) -> None:
        """The old versions are the default again and the new ones gone. Raises KitError when that cannot be seen."""
        for old, _ in self.changes:
            self.management.set_default(old.model.name, old.model.version)
        self._serves(self.old)
        for old, new in self.changes:
            self._finish(new)
            there = [row["modelVersion"] for row in self.management.describe(old.model.name, "all")]
            if there != [old.model.version]:
                raise KitError(f"versions {', '.join(there)} are registered, not {old.model.version} alone")
            golden = integrity.first_golden(self.paths, old)
            picture = (self.paths.release(old.release) / golden.file).read_bytes()
            self.inference.predict(old.model.name, picture, old.server.response_timeout)

    def retire(self) -> None:
        """Let the old versions finish what they have, then remove them."""
        for old, _ in self.changes:
            self._finish(old)

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
