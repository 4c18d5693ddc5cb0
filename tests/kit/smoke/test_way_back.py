"""Whatever ends a run, the server is left as it was found."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path

import httpx
import pytest

from kit.smoke import footprint
from kit.smoke.footprint import Snapshot, VersionState
from kit.smoke.outcome import Outcome
from kit.smoke.run import Report, run
from kit.smoke.session import Session
from tests.kit.smoke.fake_torchserve import FakeTorchServe, Version, error


def run_stopped_at(session: Session, fake: FakeTorchServe, method: str, part: str, number: int) -> Report:
    """A run that gets a signal while the server is busy with the first such request."""
    sent: list[int] = []

    def send_once(request: httpx.Request) -> httpx.Response | None:
        if not sent and request.method == method and part in str(request.url):
            sent.append(number)
            os.kill(os.getpid(), number)
        return None

    fake.breaks.append(send_once)
    report = run(session, lambda result: None)
    assert sent
    return report


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("GET", "/ping"),
        ("PUT", "/models/net/1.0?min_worker=3"),
        ("PUT", "/models/net/1.0?min_worker=2&max_worker=2"),
        ("POST", "/models?url="),
        ("PUT", "/models/net/1.0-smoke?min_worker=1"),
        ("PUT", "/models/net/1.0-smoke/set-default"),
        ("PUT", "/models/net/1.0/set-default"),
        ("DELETE", "/models/net/1.0-smoke"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_change_leaves_the_server_as_found(
    session: Session, fake: FakeTorchServe, store: Path, method: str, part: str, number: signal.Signals
) -> None:
    before = copy.deepcopy(fake.versions)
    report = run_stopped_at(session, fake, method, part, number)
    assert (fake.default, fake.versions) == ("1.0", before)
    assert [path.name for path in store.iterdir()] == ["net.mar"]
    assert report.stopped_by == number
    assert report.results[-1].name == "left as found"
    assert report.results[-1].outcome is Outcome.PASSED


def test_a_second_signal_does_not_stop_the_way_back(session: Session, fake: FakeTorchServe) -> None:
    before = copy.deepcopy(fake.versions)

    def again(request: httpx.Request) -> httpx.Response | None:
        if request.method == "DELETE":
            os.kill(os.getpid(), signal.SIGINT)
        return None

    fake.breaks.append(again)
    report = run_stopped_at(session, fake, "PUT", "/models/net/1.0-smoke/set-default", signal.SIGTERM)
    assert (fake.default, fake.versions) == ("1.0", before)
    assert report.stopped_by


def test_registering_is_not_cut_in_half(session: Session, fake: FakeTorchServe) -> None:
    """Cut short, TorchServe would go on unpacking and add the version after everything was put back."""
    report = run_stopped_at(session, fake, "POST", "/models", signal.SIGTERM)
    assert "register" not in [result.name for result in report.results]
    assert list(fake.versions) == ["1.0"]


def test_a_failed_way_back_is_a_failure_that_says_what_is_left(
    session: Session, fake: FakeTorchServe, store: Path
) -> None:
    fake.breaks.append(lambda request: error(500, "cannot") if request.method == "DELETE" else None)
    report = run(session, lambda result: None)
    last = report.results[-1]
    assert last.outcome is Outcome.FAILED
    assert "unregistering net version 1.0-smoke: HTTP 500, cannot" in last.detail
    assert report.failed


def test_a_change_by_somebody_else_is_told_and_not_touched(
    session: Session, fake: FakeTorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.smoke.outcome.SETTLE_SECONDS", 0.0)

    def meanwhile(request: httpx.Request) -> httpx.Response | None:
        fake.versions.setdefault("2.0", Version(1, 1, 1)) if request.url.path == "/ping" else None
        return None

    fake.breaks.append(meanwhile)
    last = run(session, lambda result: None).results[-1]
    assert (last.outcome, last.detail) == (Outcome.FAILED, "version 2.0 was not there")
    assert "2.0" in fake.versions


def test_differences_names_each() -> None:
    before = Snapshot("1.0", {"1.0": VersionState(1, 2, 2), "0.9": VersionState(1, 1, 1)})
    after = Snapshot("2.0", {"1.0": VersionState(1, 2, 1), "2.0": VersionState(1, 1, 1)}, frozenset({"abc"}))
    assert footprint.differences(before, after) == [
        "the default version was 1.0 and is 2.0",
        "version 0.9 is gone",
        "version 1.0 had 2 workers (min 1, max 2) and has 1 worker (min 1, max 2)",
        "version 2.0 was not there",
        "1 more unpacked archives in the server's TEMP",
    ]
    assert footprint.differences(before, before) == []


def test_only_empty_new_folders_are_removed_from_temp(tmp_path: Path) -> None:
    """TorchServe leaves an empty one for each unregistration; one with content is somebody's model."""
    for name in ("old-empty", "new-empty", "new-full"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models" / "new-full" / "model.pt").touch()
    footprint.remove_leftovers(Snapshot("1.0", {}, frozenset({"old-empty"})), None, tmp_path)
    assert footprint.unpacked_in(tmp_path) == {"old-empty", "new-full"}
