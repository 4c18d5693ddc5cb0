"""Does the server answer, and rightly? Seen every second or two, and told where the gateway reads it: this program's
management API is on a socket, which nginx's scripts cannot ask, and one who asks is enough for a small box.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from box.server import endpoints
from box.state.paths import Paths
from box.store import integrity, releases
from common import durable
from common.errors import KitError
from common.manifest import Manifest
from common.server import answers
from common.server.torchserve import Management

GLANCE_SECONDS = 2.0


class Verdict:
    """Of the release that serves, which after a hot swap is another than at the start. Its golden picture is kept in
    memory: a disk that cannot be read any more is no reason to end what answers. Raises KitError or OSError for a first
    release without one."""

    def __init__(self, paths: Paths, manifest: Manifest, management: Management) -> None:
        self._paths, self._management = paths, management
        self._take(manifest)
        self._wrong = ""
        self._told: dict[str, Any] = {}
        self._glanced = 0.0

    def _take(self, manifest: Manifest) -> None:
        golden = integrity.first_golden(self._paths, manifest)
        self._picture = (self._paths.release(manifest.release) / golden.file).read_bytes()
        self._manifest, self._golden = manifest, golden

    def answered(self, answer: object) -> None:
        """What the golden picture got just now."""
        golden = self._golden
        self._wrong = answers.mismatch(golden.file, golden.expected, self._manifest.tolerance, answer)

    def failed(self, why: str) -> None:
        """A golden picture got no answer."""
        self._wrong = why

    def picture(self) -> bytes:
        """What to ask next."""
        serving = str(endpoints.own_word(self._paths).get("release") or "")
        if serving != self._manifest.release and (other := releases.loaded(self._paths, serving)):
            with suppress(OSError, KitError):
                self._take(other)
        return self._picture

    def glance(self) -> None:
        """Look at the workers, if that was not just done, and tell what has changed."""
        if time.monotonic() - self._glanced < GLANCE_SECONDS:
            return
        self._glanced = time.monotonic()
        try:
            row = self._management.describe(self._manifest.model.name)[0]
        except (KitError, LookupError) as error:
            return self._tell({"ready": False, "why": f"the server cannot be asked: {error}"})
        workers = row["workers"]
        ready = [worker["pid"] for worker in workers if worker["status"] == "READY"]
        why = f"{len(ready)} of {len(workers)} workers are ready" if len(ready) < len(workers) else self._wrong
        told = {"ready": bool(ready) and not why, "version": str(row["modelVersion"])}
        return self._tell(told | {"workers": len(ready), "pids": ready} | ({"why": why} if why else {}))

    def stopping(self) -> None:
        self._tell({"ready": False, "why": "the server is stopping"})

    def _tell(self, told: dict[str, Any]) -> None:
        """In /run, which is memory."""
        if told != self._told:
            durable.write(self._paths.verdict, json.dumps(told).encode(), mode=0o640)
            self._told = told
