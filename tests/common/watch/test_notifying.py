"""Who is told when something begins and ends: once each, in order, and again when it could not be done."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from common.errors import UsageError
from common.watch import notifying
from common.watch.notifying import Notifier
from tests.integration.places import wait_for

BEGUN = {"alert": "VisionDrift", "state": "firing", "words": "darker"}
OVER = {"alert": "VisionDrift", "state": "resolved", "words": "darker"}


class Hook:
    """A webhook that refuses as often as it is told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.refuse = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                hook.refuse -= 1
                if hook.refuse < 0:
                    hook.got.append(json.loads(content))
                self.send_response(503 if hook.refuse >= 0 else 204)
                self.end_headers()

            def log_message(self, *values: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook?token=secret"
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join()


def test_a_webhook_hears_of_each_once(hook: Hook) -> None:
    notifier = Notifier(lambda: hook.url, print)
    for document in (BEGUN, OVER):
        notifier.tell(document)
    notifier.stop()
    assert hook.got == [BEGUN, OVER]


def test_what_could_not_be_told_is_tried_again_in_its_order_and_the_secret_stays(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "AGAIN_SECONDS", 0.05)
    said: list[str] = []
    hook.refuse = 3
    notifier = Notifier(lambda: hook.url, said.append)
    for document in (BEGUN, OVER):
        notifier.tell(document)
    wait_for(lambda: hook.got == [BEGUN, OVER])
    notifier.stop()
    assert set(said) == {"nobody could be told of VisionDrift: HTTP 503"}


def test_a_command_gets_it_on_its_standard_input(tmp_path: Path) -> None:
    said: list[str] = []
    notifier = Notifier(lambda: f'sh -c \'cat >>"{tmp_path}/told"; echo >>"{tmp_path}/told"\'', said.append)
    for document in (BEGUN, OVER):
        notifier.tell(document)
    notifier.stop()
    assert [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()] == [BEGUN, OVER]
    assert said == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("false", "the command ended with 1"),
        ("/no/such/program", "[Errno 2] No such file or directory: '/no/such/program'"),
        ("http://127.0.0.1:9/?token=secret", "[Errno 111] Connection refused"),
    ],
)
def test_why_nobody_could_be_told(target: str, words: str) -> None:
    said: list[str] = []
    notifier = Notifier(lambda: target, said.append)
    notifier.tell(BEGUN)
    notifier.stop()
    assert said == [f"nobody could be told of VisionDrift: {words}"] * len(said)
    assert said


def test_with_nobody_to_tell_nothing_waits() -> None:
    said: list[str] = []
    notifier = Notifier(lambda: "", said.append)
    notifier.tell(BEGUN)
    notifier.stop()
    assert said == []


@pytest.mark.parametrize("target", ["https://hooks.example/x?y", "/usr/local/bin/tell-me --loud", "mail -s 'box' me"])
def test_a_url_or_a_command_is_taken(target: str) -> None:
    assert notifying.checked(target) == target


@pytest.mark.parametrize("target", ["", "  ", "ftp://x/y", "https://a b", "tell 'me", "gopher://x"])
def test_anything_else_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match="notify: "):
        notifying.checked(target)
