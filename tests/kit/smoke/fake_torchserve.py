"""A TorchServe in memory: as much of both REST APIs as the checks use, with a place to break any answer."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kit.golden import Golden

Break = Callable[[httpx.Request], "httpx.Response | None"]
MODEL = "net"
# A prediction costs a worker processor time, and the checks tell by it which worker answered: 50 of them have to show
# in a clock of 10 ms steps, on a fast machine too.
PREDICTION_SECONDS = 0.001
TOKEN = {"Authorization": "Bearer right"}


def error(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"code": status, "type": "X", "message": message})


@dataclass
class Version:
    minimum: int
    maximum: int
    workers: int

    def row(self, name: str, pid: int) -> dict[str, Any]:
        return {
            "modelName": MODEL,
            "modelVersion": name,
            "modelUrl": "net.mar",
            "minWorkers": self.minimum,
            "maxWorkers": self.maximum,
            "workers": [{"status": "READY", "pid": pid} for _ in range(self.workers)],
        }


@dataclass
class FakeTorchServe:
    """`breaks` are asked first; the first that gives a response has answered. `pid` is every worker's."""

    golden: Sequence[Golden]
    tokens: bool = True
    model_api: bool = True
    pid: int = field(default_factory=os.getpid)
    default: str = "1.0"
    versions: dict[str, Version] = field(default_factory=lambda: {"1.0": Version(2, 4, 2)})
    breaks: list[Break] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        for broken in self.breaks:
            if (response := broken(request)) is not None:
                return response
        if self.tokens and request.headers.get("Authorization") != TOKEN["Authorization"]:
            return error(400, "Token Authorization failed.")
        parts = request.url.path.strip("/").split("/")
        if parts == ["ping"]:
            return httpx.Response(200, json={"status": "Healthy"})
        if parts[0] == "predictions":
            return self._predict(request)
        return self._manage(request, parts)

    def _predict(self, request: httpx.Request) -> httpx.Response:
        content = request.content
        if request.headers.get("Content-Type") == "application/json":
            content = base64.b64decode(json.loads(content)["data"])
        spent = time.process_time() + PREDICTION_SECONDS
        while time.process_time() < spent:
            pass
        for golden in self.golden:
            if golden.picture.read_bytes() in content:
                return httpx.Response(200, json=golden.expected)
        return error(415, "This is not a picture.")

    def _manage(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        if request.method == "POST":
            if not self.model_api:
                return error(405, "Requested method is not allowed")
            name = request.url.params["url"].removesuffix(".smoke.mar")
            self.versions[name] = Version(0, 0, 0)
        elif request.method == "DELETE":
            if parts[2] == self.default:
                return error(403, "Cannot remove default version")
            del self.versions[parts[2]]
        elif parts[-1] == "set-default":
            self.default = parts[2]
        elif request.method == "PUT":
            self._scale(self.versions[parts[2]], request.url.params)
        elif len(parts) == 1:
            return httpx.Response(200, json={"models": [{"modelName": MODEL}]})
        else:
            names = list(self.versions) if parts[2:] == ["all"] else [(parts[2:] or [self.default])[0]]
            return httpx.Response(200, json=[self.versions[name].row(name, self.pid) for name in names])
        return httpx.Response(200, json={"status": "done"})

    def _scale(self, version: Version, parameters: httpx.QueryParams) -> None:
        """As WorkLoadManager does: start workers up to the minimum, end those above the maximum."""
        version.minimum, version.maximum = int(parameters["min_worker"]), int(parameters["max_worker"])
        version.workers = min(max(version.workers, version.minimum), version.maximum)
