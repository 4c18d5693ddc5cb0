"""The small decisions: what systemd's words mean, which releases stay, what memory is left, which line is the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from box.server.service import FAILED, READY, STARTING, STOPPED, State, judge
from box.state import settings
from box.store import pruning
from common.errors import UsageError
from common.server import server_log


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"ActiveState": "active", "MainPID": "7", "NRestarts": "3"}, State(READY, 7)),
        ({"ActiveState": "activating", "SubState": "start", "MainPID": "7", "NRestarts": "0"}, State(STARTING, 7)),
        ({"ActiveState": "activating", "SubState": "auto-restart", "MainPID": "0"}, State(FAILED)),
        ({"ActiveState": "activating", "SubState": "start", "MainPID": "9", "NRestarts": "1"}, State(FAILED, 9)),
        ({"ActiveState": "failed", "StatusText": "failed: no memory"}, State(FAILED, 0, "no memory")),
        ({"ActiveState": "inactive"}, State(STOPPED)),
        ({}, State(STOPPED)),
    ],
)
def test_what_systemd_says_of_the_unit(shown: dict[str, str], state: State) -> None:
    assert judge(shown) == state


@pytest.mark.parametrize(
    ("there", "now", "before", "kept"),
    [
        (["a", "b", "c", "d"], ["d", "d"], ["d", "c", "b", "a"], ["d", "c", "b"]),
        (["a", "b", "c", "d"], ["a", "a"], ["a", "d", "c", "b"], ["a", "d", "c"]),
        (["a", "bad", "d"], ["d", "d"], ["d", "a"], ["d", "a"]),
        (["a", "d"], ["d", "d"], ["d", "gone", "a"], ["d", "a"]),
        (["a", "b", "c", "d"], ["d", "a"], ["a", "b", "c"], ["d", "a", "b"]),
        (["a"], [None, None], [], []),
    ],
)
def test_which_releases_stay(there: list[str], now: list[str | None], before: list[str], kept: list[str]) -> None:
    assert pruning.to_keep(there, now, before, keep=3) == kept


def test_the_cause_in_a_log() -> None:
    log = [
        "2026-01-01T00:00:00Z INFO  MODEL_LOG ValueError: labels do not fit",
        "2026-01-01T00:00:00Z ERROR W java.util.concurrent.ExecutionException: worker died",
    ]
    assert server_log.verdict_of(log) == "ValueError: labels do not fit"
    assert server_log.verdict_of([*log, f"{server_log.FAILED}it answers, and wrongly"]) == "it answers, and wrongly"
    assert server_log.verdict_of(["Unrecognized VM option 'X'"]) == "Unrecognized VM option 'X'"
    assert server_log.verdict_of(["all is well"]) == ""


def test_the_cause_is_what_the_worker_said_of_its_handler_and_not_what_followed() -> None:
    log = [
        "2026-01-01T00:00:00Z INFO  MODEL_LOG Failed to load model net, exception this cannot start",
        "2026-01-01T00:00:00Z INFO  MODEL_LOG RuntimeError: this cannot start",
        "2026-01-01T00:00:00Z INFO  MODEL_LOG RuntimeError: 500 - Unknown exception",
    ]
    assert server_log.line_that_matters(log) == "RuntimeError: this cannot start"
    assert server_log.line_that_matters([log[0], log[2]]) == "this cannot start"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"keeps": 3}', "does not know keeps; it knows inference_address, keep"),
        ('{"keep": 1}', "keep must be a whole number of at least 2, not 1"),
        ('{"inference_address": "0.0.0.0:8080"}', "is not an address to serve on"),
        ('{"inference_address": "https://0.0.0.0:8080"}', "is not an address to serve on"),
        ('{"inference_address": "http://0.0.0.0:99999"}', "is not an address to serve on"),
        ("[]", "must hold a JSON object"),
        ("{", "is not JSON"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "box.json"
    file.write_text(content)
    with pytest.raises((UsageError, settings.Damaged), match=complaint):
        settings.read(file)


@pytest.mark.parametrize(
    ("address", "asking"),
    [
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://[::]:8080", "http://[::1]:8080"),
        ("http://192.168.1.5:80", "http://192.168.1.5:80"),
    ],
)
def test_where_the_box_itself_asks(address: str, asking: str) -> None:
    assert settings.BoxSettings(address).asking_address == asking
