"""Does the server answer, and rightly? Seen every second or two, and told where the gateway reads it: this program's
management API is on a socket, which nginx's scripts cannot ask, and one who asks is enough for a small box.
"""

from __future__ import annotations

import json
import time
from collections import deque
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
    """Of the release that serves, which after a hot swap is another than at the start. A golden picture of each of its
    models is kept in memory: a disk that cannot be read any more is no reason to end what answers. Raises KitError or
    OSError for a first release without one."""

    def __init__(self, paths: Paths, manifest: Manifest, management: Management) -> None:
        self._paths, self._management = paths, management
        self._wrong: dict[str, str] = {}
        self._take(manifest)
        self._told: dict[str, Any] = {}
        self._glanced = 0.0

    def _take(self, manifest: Manifest) -> None:
        folder = self._paths.release(manifest.release)
        golden = [(model, integrity.first_golden(self._paths, model)) for model in manifest.models]
        # The first one is asked first.
        self._questions = deque((model, one, (folder / one.file).read_bytes()) for model, one in golden)
        self._questions.rotate(1)
        self._manifest = manifest

    def answered(self, answer: object) -> str:
        """What the question of just now got. Why that is wrong, "" when it is right."""
        model, golden, _ = self._questions[0]
        wrong = answers.mismatch(golden.file, golden.expected, model.tolerance, answer)
        self._wrong[self.asked] = wrong
        return wrong

    def failed(self, why: str) -> None:
        """It got no answer."""
        self._wrong[self.asked] = why

    @property
    def asked(self) -> str:
        """Which model was asked last."""
        return self._questions[0][0].model.name

    def question(self) -> tuple[str, bytes]:
        """Which model to ask next, and about what: each in its turn."""
        serving = str(endpoints.own_word(self._paths).get("release") or "")
        if serving != self._manifest.release and (other := releases.loaded(self._paths, serving)):
            with suppress(OSError, KitError):
                self._take(other)
        self._questions.rotate(-1)
        return self.asked, self._questions[0][2]

    def glance(self) -> None:
        """Look at the workers, if that was not just done, and tell what has changed."""
        if time.monotonic() - self._glanced < GLANCE_SECONDS:
            return
        self._glanced = time.monotonic()
        names = [model.model.name for model in self._manifest.models]
        try:
            models = {name: self._seen(name) for name in names}
        except (KitError, LookupError) as error:
            return self._tell({"ready": False, "why": f"the server cannot be asked: {error}"})
        down = [name for name, seen in models.items() if not seen["ready"]]
        why = models[down[0]].get("why", "") if down else ""
        # The first one's own words, too, for the gateways of releases that knew one model.
        told = models[names[0]] | {"ready": not down, "models": models}
        return self._tell(told | ({"why": f"{down[0]}: {why}" if len(names) > 1 else why} if down else {}))

    def _seen(self, name: str) -> dict[str, Any]:
        row = self._management.describe(name)[0]
        ready = [worker["pid"] for worker in row["workers"] if worker["status"] == "READY"]
        missing = len(ready) < len(row["workers"])
        why = f"{len(ready)} of {len(row['workers'])} workers are ready" if missing else self._wrong.get(name, "")
        told = {"ready": bool(ready) and not why, "version": str(row["modelVersion"])}
        return told | {"workers": len(ready), "pids": ready} | ({"why": why} if why else {})

    def stopping(self) -> None:
        self._tell({"ready": False, "why": "the server is stopping"})

    def _tell(self, told: dict[str, Any]) -> None:
        """In /run, which is memory."""
        if told != self._told:
            durable.write(self._paths.verdict, json.dumps(told).encode(), mode=0o640)
            self._told = told
