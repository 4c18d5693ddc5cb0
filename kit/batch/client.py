"""One picture asked, through a connection that is kept open, until there is an answer or a reason why there is none."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from common.errors import KitError, Unreachable
from common.server.answers import is_labelled
from common.server.torchserve import PREDICT_SECONDS, Inference, error_text
from kit.batch.window import Window

BUSY = (429, 503)
FAILED = (500, 502, 503, 504, 507)  # also of a worker that was killed with this picture in hand
REFUSED = (401, 403, 404)  # whatever the picture
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0  # s
BUSY_SECONDS = 60.0
HINT = "see that it runs (make status, where it was started); then the same command goes on where it stopped"
ATTEMPTS = 3  # with a picture that may be what ends the worker, or the connection


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    retry_after: float


class Client:
    """Of one thread. `stopped` says that no answer is wanted any more."""

    def __init__(self, server: Inference, model: str, window: Window, stopped: Callable[[], bool]) -> None:
        self._server, self._window, self._stopped = server, window, stopped
        self._path = f"{server.prefix}/predictions/{quote(model, safe='')}"
        self._connection: http.client.HTTPConnection | None = None
        self._was_there = False

    def answer(self, picture: Path) -> tuple[dict[str, float], str]:
        """`{label: probability}`, best first, and ""; or {} and why there is none.

        Raises KitError for what no other picture would fare better with: a server that is gone or takes nothing, a
        wrong token or model.
        """
        try:
            content = picture.read_bytes()
        except OSError as error:
            return {}, f"cannot be read: {error.strerror}"
        begun, pause, attempts = time.monotonic(), FIRST_PAUSE, 0
        while not self._stopped():
            reply = self._ask(content)
            if reply and reply.status == 200:
                self._window.answered()
                return _probabilities(reply.body)
            if reply and _is_refusal(reply):
                raise KitError(f"the server refuses every request: HTTP {reply.status}, {error_text(reply.body)}", HINT)
            if reply and _is_busy(reply):
                if time.monotonic() - begun > BUSY_SECONDS:
                    words = f"the server took nothing for {BUSY_SECONDS:.0f} s: HTTP {reply.status}"
                    raise KitError(f"{words}, {error_text(reply.body)}", HINT)
            else:
                attempts += 1
                if reply and (attempts == ATTEMPTS or reply.status not in FAILED):
                    return {}, f"HTTP {reply.status}: {error_text(reply.body)}"
                if attempts == ATTEMPTS:
                    return {}, f"the server hung up {attempts} times: larger than it takes?"
            self._window.busy()
            time.sleep(max(pause, reply.retry_after if reply else 0.0))
            pause = min(2 * pause, LONGEST_PAUSE)
        return {}, "not asked: stopped"

    def _ask(self, content: bytes) -> Reply | None:
        """None when the connection ended without an answer. Raises Unreachable when there is nobody at the address."""
        self._window.enter()
        try:
            if self._connection is None:
                self._connection = self._open()
            self._connection.request("POST", self._path, content, self._server.headers())
            response = self._connection.getresponse()
            reply = Reply(response.status, response.read(), _seconds(response.getheader("Retry-After", "")))
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        finally:
            self._window.leave()
        if reply.status >= 400:  # TorchServe hangs up then, and does not always say so
            self.close()
        return reply

    def _open(self) -> http.client.HTTPConnection:
        """A server that was there is waited for: it may restart."""
        until = time.monotonic() + (BUSY_SECONDS if self._was_there else 0.0)
        while True:
            connection = self._server.connection(PREDICT_SECONDS)
            try:
                connection.connect()
                self._was_there = True
                return connection
            except OSError as error:
                if time.monotonic() > until or self._stopped():
                    raise Unreachable(f"{self._server.address} does not answer ({error})", HINT) from None
            time.sleep(FIRST_PAUSE)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _is_refusal(reply: Reply) -> bool:
    """TorchServe has a wrong token as a 400."""
    return reply.status in REFUSED or b"InvalidKeyException" in reply.body


def _is_busy(reply: Reply) -> bool:
    """TorchServe has a 503 for a handler that failed, too, and tells it by the type."""
    return reply.status in BUSY and b"InternalServerException" not in reply.body


def _probabilities(body: bytes) -> tuple[dict[str, float], str]:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        answer = None
    if is_labelled(answer):
        return answer, ""
    return {}, f"the answer is not {{label: probability}}: {body[:100].decode(errors='replace')}"


def _seconds(retry_after: str) -> float:
    """Of the header; 0 for a date, which nobody here sends."""
    return min(float(retry_after), LONGEST_PAUSE) if retry_after.isdecimal() else 0.0
