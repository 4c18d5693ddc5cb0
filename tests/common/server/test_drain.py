"""A version is removed, or a server ended, only when nothing older is left in any worker."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import KitError, Unreachable
from common.server.drain import drain, wait_until_idle
from common.server.torchserve import Management


@dataclass
class Turns:
    """`busy`: how many turns of worker 11 go by while it is at work."""

    busy: int
    next_pid: Iterator[int] = field(default_factory=lambda: itertools.cycle([11, 12]))
    asked: list[str] = field(default_factory=list)


class Workers(Management):
    """Two workers that take questions in turn."""

    def __init__(self, busy: int) -> None:
        super().__init__("unix:/nowhere", Path("/nowhere"))
        self.__dict__["turns"] = Turns(busy)

    @property
    def played(self) -> Turns:
        turns = self.__dict__["turns"]
        assert isinstance(turns, Turns)
        return turns

    def models(self) -> list[str]:
        return ["net"]

    def describe(self, model: str, version: str = "") -> list[dict[str, Any]]:
        workers = [{"pid": pid, "status": "READY"} for pid in (11, 12)]
        return [{"modelVersion": "1.0", "workers": workers}]

    def worker_pid(self, model: str, version: str, timeout: float) -> int:
        self.played.asked.append(version)
        pid = next(self.played.next_pid)
        if pid == 11 and self.played.busy:
            self.played.busy -= 1
            return 12
        return pid

    def renew_inference_token(self, api_token: str) -> None:
        self.played.asked.append(api_token)


def test_every_worker_has_its_turn() -> None:
    workers, said = Workers(busy=3), list[str]()
    wait_until_idle(workers, "net", "1.0", 10, said.append)
    assert workers.played.busy == 0 and said == []


def test_a_worker_that_never_finishes_does_not_hold_it_for_ever() -> None:
    said: list[str] = []
    wait_until_idle(Workers(busy=10**9), "net", "1.0", 0.2, said.append)
    assert said == ["after 0 s still at work: 1 worker of net 1.0; their requests are cut"]


def test_new_requests_are_refused_first(tmp_path: Path) -> None:
    keys = tmp_path / "key_file.json"
    keys.write_text(json.dumps({"API": {"key": "the-api-token"}}))
    workers = Workers(busy=0)
    drain(workers, keys, 10, lambda _: None)
    assert workers.played.asked[0] == "the-api-token"


def test_without_tokens_it_says_what_it_cannot_do(tmp_path: Path) -> None:
    workers, said = Workers(busy=0), list[str]()
    drain(workers, tmp_path / "none.json", 10, said.append)
    assert "tokens are off" in said[0]
    assert set(workers.played.asked) == {"1.0"}


def test_a_worker_that_died_is_not_waited_for() -> None:
    class Dying(Workers):
        def describe(self, model: str, version: str = "") -> list[dict[str, Any]]:
            rows = super().describe(model, version)
            if len(self.played.asked) > 3:
                rows[0]["workers"].pop(0)
            return rows

        def worker_pid(self, model: str, version: str, timeout: float) -> int:
            pid = super().worker_pid(model, version, timeout)
            if len(self.played.asked) > 3:
                raise KitError("worker died")
            return pid

    said: list[str] = []
    wait_until_idle(Dying(busy=10**9), "net", "1.0", 30, said.append)
    assert said == []


def test_a_server_that_does_not_answer_has_nothing_to_drain(tmp_path: Path) -> None:
    class Gone(Workers):
        def models(self) -> list[str]:
            raise Unreachable("connection refused")

    said: list[str] = []
    drain(Gone(busy=0), tmp_path / "none.json", 10, said.append)
    assert said == ["not drained: connection refused"]
