"""Tells somebody when something begins to be wrong, and when it is over: once each, in order, however bad the link.

Who is told is a line of text: a URL that gets a POST, or a command that gets the same JSON on its standard input.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from common.errors import UsageError

NONE = "none"
SCHEMES = ("http://", "https://")
SECONDS = 30.0  # that either may take
AGAIN_SECONDS = 60.0
MOST_WAITING = 200  # then the oldest are dropped: their news is old
HINT = "https://…, or a command as a shell would take it"


def checked(target: str) -> str:
    """Raises UsageError for what is neither a URL nor a command."""
    try:
        words = shlex.split(target)
    except ValueError as error:
        raise UsageError(f"notify: {error}", HINT) from None
    if not words or (("://" in words[0]) and not (target.startswith(SCHEMES) and len(words) == 1)):
        raise UsageError("notify: neither a URL nor a command", HINT)
    return target


class Notifier:
    """`target()` is asked each time, "" for nobody. What goes wrong is said, and tried again."""

    def __init__(self, target: Callable[[], str], say: Callable[[str], None]) -> None:
        self._target, self._say = target, say
        self._waiting: deque[Mapping[str, Any]] = deque(maxlen=MOST_WAITING)
        self._news, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="notify")
        self._thread.start()

    def tell(self, document: Mapping[str, Any]) -> None:
        """From now on in the background."""
        self._waiting.append(document)
        self._news.set()

    def stop(self) -> None:
        """What waits is tried once more, and then dropped."""
        self._stopped.set()
        self._news.set()
        self._thread.join(SECONDS)

    def _run(self) -> None:
        while True:
            self._news.wait(AGAIN_SECONDS if self._waiting else None)
            self._news.clear()
            stopping = self._stopped.is_set()
            while self._waiting and self._tell(self._waiting[0]):
                self._waiting.popleft()
            if stopping:
                return

    def _tell(self, document: Mapping[str, Any]) -> bool:
        target = self._target()
        if not target:
            return True
        try:
            (post if target.startswith(SCHEMES) else run)(target, json.dumps(document).encode())
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            self._say(f"nobody could be told of {document['alert']}: {why(error)}")
            return False
        return True


def post(url: str, document: bytes) -> None:
    """Raises OSError, of which an answer of 400 or more is one."""
    request = urllib.request.Request(url, document, {"Content-Type": "application/json"})  # noqa: S310 - see SCHEMES
    urllib.request.urlopen(request, timeout=SECONDS).close()  # noqa: S310


def run(command: str, document: bytes) -> None:
    """Raises OSError, and CalledProcessError or TimeoutExpired."""
    subprocess.run(shlex.split(command), input=document, timeout=SECONDS, check=True, capture_output=True)


def why(error: Exception) -> str:
    """Without the URL, which may hold a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, subprocess.CalledProcessError):
        return f"the command ended with {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"the command took more than {SECONDS:.0f} s"
    return str(error)
