"""TorchServe's REST API, at `http://host:port`, `https://…` and `unix:/path`."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from common.errors import KitError, Unreachable
from common.server.tokens import read_header

PREDICT_SECONDS = 60.0
TRUST = "SSL_CERT_FILE=<the authority's certificate.pem> trusts one that this system does not know"
# TorchServe kills a worker that has not started after two minutes; a little more, so that its own answer comes first.
WORKER_START_SECONDS = 130.0


class ApiError(KitError):
    """TorchServe answered with an error. `status` is its HTTP status."""

    def __init__(self, what: str, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"{what}: HTTP {status}, {error_text(body)}")


def error_text(body: bytes) -> str:
    """The sentence in a TorchServe error document, or the body as it is."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:300] or "(no text)"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


@dataclass(frozen=True)
class Api:
    """`opened_by`: the headers that open the address, or the file that holds one as `curl -H @file` takes it; that is
    read at each request, since TorchServe makes new tokens at each start."""

    address: str
    opened_by: Path | Mapping[str, str] = field(repr=False)

    def ask(
        self, what: str, method: str, path: str, timeout: float, body: bytes | None = None, token: str = ""
    ) -> bytes:
        """The answer's body. Raises ApiError for a status of 400 or more, Unreachable when nothing answers."""
        return self.exchange(what, method, path, timeout, body, token)[1]

    def exchange(
        self, what: str, method: str, path: str, timeout: float, body: bytes | None = None, token: str = ""
    ) -> tuple[Message, bytes]:
        """The answer's headers and body. Raises as `ask` does."""
        connection = self.connection(timeout)
        try:
            connection.request(method, self.prefix + path, body=body, headers=self.headers(token))
            response = connection.getresponse()
            content = response.read()
        except ssl.SSLCertVerificationError as error:
            words = f"{what}: the certificate of {self.address} is not trusted: {error.verify_message}"
            raise Unreachable(words, TRUST) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{what}: {self.address} does not answer ({error or type(error).__name__})") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiError(what, response.status, content)
        return response.headers, content

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.address.startswith("unix:"):
            return UnixConnection(self.address.removeprefix("unix:"), timeout)
        parts = urlsplit(self.address)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(str(parts.hostname), parts.port, timeout=timeout)

    @property
    def prefix(self) -> str:
        return "" if self.address.startswith("unix:") else urlsplit(self.address).path.rstrip("/")

    def headers(self, token: str = "") -> dict[str, str]:
        if token:
            return {"Authorization": f"Bearer {token}"}
        return read_header(self.opened_by) if isinstance(self.opened_by, Path) else dict(self.opened_by)


@dataclass(frozen=True)
class Inference(Api):
    """`probe`: what is asked watches the server, and is not counted as traffic (worker/protocol.py)."""

    probe: bool = False

    def headers(self, token: str = "") -> dict[str, str]:
        return super().headers(token) | ({"X-Probe": "1"} if self.probe else {})

    def predict(self, model: str, picture: bytes, timeout: float = PREDICT_SECONDS, version: str = "") -> Any:
        """What it answers, as JSON: `{label: probability}` when all is well."""
        return self.timed(model, picture, timeout, version)[0]

    def timed(self, model: str, picture: bytes, timeout: float, version: str) -> tuple[Any, float]:
        """The same, and the seconds that it took in the handler."""
        path = f"/predictions/{quote(model, safe='')}" + (f"/{quote(version, safe='')}" if version else "")
        headers, content = self.exchange("a prediction", "PUT", path, timeout, body=picture)
        stages = re.findall(r";dur=([0-9.]+)", headers.get("Server-Timing", ""))
        try:
            answer = json.loads(content)
        except ValueError:
            answer = content.decode(errors="replace")
        return answer, sum(map(float, stages)) / 1000


class Management(Api):
    def _read(self, what: str, path: str, timeout: float) -> Any:
        content = self.ask(what, "GET", path, timeout)
        try:
            return json.loads(content)
        except ValueError:
            raise KitError(f"{what}: no JSON in the answer") from None

    def describe(self, model: str, version: str = "") -> list[dict[str, Any]]:
        """The default version's row, that of `version`, or every version's with "all"."""
        rows: list[dict[str, Any]] = self._read(f"describing {model}", _model(model, version), 5.0)
        return rows

    def workers(self, model: str) -> list[dict[str, Any]]:
        """The default version's workers; none while the server does not answer or has no such model yet."""
        try:
            workers: list[dict[str, Any]] = self.describe(model)[0]["workers"]
        except ApiError as error:
            if error.status == 404:
                return []
            raise
        except KitError:
            return []
        return workers

    def models(self) -> list[str]:
        """Their names; one page holds more than any server here has."""
        return [row["modelName"] for row in self._read("listing the models", "/models?limit=1000", 5.0)["models"]]

    def register(self, archive: str, workers: int, timeout: float = WORKER_START_SECONDS) -> None:
        """Register an archive that lies in the store; returns when its workers have started."""
        query = urlencode({"url": archive, "initial_workers": workers, "synchronous": "true"})
        self.ask(f"registering {archive}", "POST", f"/models?{query}", timeout)

    def scale(self, model: str, version: str, minimum: int, maximum: int) -> None:
        """Return when the workers are READY or ended.

        A minimum of 0 makes TorchServe forget workers that go on running, so it is never asked for beside a maximum
        that keeps some.
        """
        query = urlencode({"min_worker": minimum, "max_worker": maximum, "synchronous": "true"})
        what = f"scaling to {minimum}–{maximum} workers"
        self.ask(what, "PUT", f"{_model(model, version)}?{query}", WORKER_START_SECONDS)

    def set_default(self, model: str, version: str) -> None:
        self.ask(f"making version {version} the default", "PUT", f"{_model(model, version)}/set-default", 30.0)

    def unregister(self, model: str, version: str) -> None:
        self.ask(f"unregistering {model} version {version}", "DELETE", _model(model, version), 60.0)

    def worker_pid(self, model: str, version: str, timeout: float) -> int:
        """The pid of whichever worker takes this question, in its turn after what is already queued."""
        answer = self._read(f"asking {model}'s workers", f"{_model(model, version)}?customized=true", timeout)
        try:
            return int(answer[0]["customizedMetadata"]["pid"])
        except (LookupError, TypeError, ValueError):
            raise KitError(f"{model}'s handler does not tell its worker's pid") from None

    def renew_inference_token(self, api_token: str) -> None:
        """Make the present inference token invalid. Wants the API token, not the management one."""
        self.ask("renewing the inference token", "GET", "/token?type=inference", 10.0, token=api_token)


def _model(model: str, version: str = "") -> str:
    return f"/models/{quote(model, safe='')}" + (f"/{quote(version, safe='')}" if version else "")
