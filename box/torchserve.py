"""TorchServe's REST API, as this program asks it, at `http://host:port` and `unix:/path`."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from box.errors import BoxError, Unreachable


class ApiError(BoxError):
    """TorchServe answered with an error. `status` is its HTTP status."""

    def __init__(self, what: str, status: int, body: bytes) -> None:
        self.status = status
        super().__init__(f"{what}: HTTP {status}, {_error_text(body)}")


def _error_text(body: bytes) -> str:
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
    """`address`, and the file with the header that opens it (as `curl -H @file` takes it)."""

    address: str
    header_file: Path

    def ask(
        self, what: str, method: str, path: str, timeout: float, body: bytes | None = None, token: str = ""
    ) -> bytes:
        """The answer's body. Raises ApiError for a status of 400 or more, Unreachable when nothing answers."""
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body=body, headers=self._headers(token))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{what}: {self.address} does not answer ({error or type(error).__name__})") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiError(what, response.status, content)
        return content

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.address.startswith("unix:"):
            return UnixConnection(self.address.removeprefix("unix:"), timeout)
        parts = urlsplit(self.address)
        return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)

    def _headers(self, token: str) -> dict[str, str]:
        if token:
            return {"Authorization": f"Bearer {token}"}
        try:
            name, _, value = self.header_file.read_text(encoding="utf-8").strip().partition(":")
        except OSError:
            return {}
        return {name: value.strip()} if name else {}


class Inference(Api):
    def predict(self, model: str, picture: bytes, timeout: float, version: str = "") -> Any:
        """What it answers, as JSON: `{label: probability}` when all is well."""
        path = f"/predictions/{quote(model, safe='')}" + (f"/{quote(version, safe='')}" if version else "")
        content = self.ask("a prediction", "PUT", path, timeout, body=picture)
        try:
            return json.loads(content)
        except ValueError:
            return content.decode(errors="replace")


class Management(Api):
    def _read(self, what: str, path: str, timeout: float) -> Any:
        content = self.ask(what, "GET", path, timeout)
        try:
            return json.loads(content)
        except ValueError:
            raise BoxError(f"{what}: no JSON in the answer") from None

    def describe(self, model: str, version: str = "") -> list[dict[str, Any]]:
        """The default version's row, that of `version`, or every version's with "all"."""
        rows: list[dict[str, Any]] = self._read(f"describing {model}", _model(model, version), 5.0)
        return rows

    def models(self) -> list[str]:
        return [row["modelName"] for row in self._read("listing the models", "/models?limit=1000", 5.0)["models"]]

    def register(self, archive: str, workers: int, timeout: float) -> None:
        """Register an archive that lies in the store; returns when its workers have started."""
        query = urlencode({"url": archive, "initial_workers": workers, "synchronous": "true"})
        self.ask(f"registering {archive}", "POST", f"/models?{query}", timeout)

    def set_default(self, model: str, version: str) -> None:
        self.ask(f"making {version} the default", "PUT", f"{_model(model, version)}/set-default", 30.0)

    def unregister(self, model: str, version: str) -> None:
        self.ask(f"unregistering {model} {version}", "DELETE", _model(model, version), 60.0)

    def worker_pid(self, model: str, version: str, timeout: float) -> int:
        """The pid of whichever worker takes this question, in its turn after what is already queued."""
        answer = self._read(f"asking {model}'s workers", f"{_model(model, version)}?customized=true", timeout)
        try:
            return int(answer[0]["customizedMetadata"]["pid"])
        except (LookupError, TypeError, ValueError):
            raise BoxError(f"{model}'s handler does not tell its worker's pid") from None

    def renew_inference_token(self, api_token: str) -> None:
        """Make the present inference token invalid. Wants the API token, not the management one."""
        self.ask("renewing the inference token", "GET", "/token?type=inference", 10.0, token=api_token)


def _model(model: str, version: str = "") -> str:
    return f"/models/{quote(model, safe='')}" + (f"/{quote(version, safe='')}" if version else "")
