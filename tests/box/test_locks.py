"""One deployer at a time, and no lock that outlives its owner for good."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from box.state import locks
from common.errors import KitError
from tests.box.shop import Box


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock.json"


def age(lock: Path, seconds: float) -> None:
    content = json.loads(lock.read_text())
    lock.write_text(json.dumps(content | {"renewed": content["renewed"] - seconds}))


def test_another_owner_is_told_who_and_how_old(lock: Path) -> None:
    locks.take(lock, "ann", break_held=False)
    age(lock, 600)
    with pytest.raises(KitError, match="ann holds this box's lock, last renewed 10 min ago") as caught:
        locks.take(lock, "bob", break_held=False)
    assert caught.value.facts["holder"]["stale"] is False
    with pytest.raises(KitError, match="ann holds"):
        locks.permit(lock, "bob")


def test_the_owner_renews_it_and_keeps_its_age(lock: Path) -> None:
    locks.take(lock, "ann", break_held=False)
    since = locks.holder(lock)
    age(lock, 600)
    locks.permit(lock, "ann")
    now = locks.holder(lock)
    assert since and now and now.since == since.since
    assert now.describe(time.time())["age_seconds"] < 60


def test_a_stale_one_hinders_nobody_and_can_be_broken(lock: Path) -> None:
    locks.take(lock, "ann", break_held=False)
    age(lock, locks.STALE_SECONDS + 1)
    locks.permit(lock, "bob")
    with pytest.raises(KitError) as caught:
        locks.take(lock, "bob", break_held=False)
    assert caught.value.facts["holder"]["stale"] is True and "--break" in caught.value.hint
    locks.take(lock, "bob", break_held=True)
    with pytest.raises(KitError, match="bob holds"):
        locks.release(lock, "ann")
    locks.release(lock, "bob")
    locks.release(lock, "bob")


def test_a_clock_that_went_back_makes_no_lock_older_than_it_is(lock: Path) -> None:
    locks.take(lock, "ann", break_held=False)
    age(lock, -10_000)
    held = locks.holder(lock)
    assert held and held.describe(time.time())["age_seconds"] == 0


def test_the_kernels_lock_ends_with_its_process(tmp_path: Path) -> None:
    path, inside = tmp_path / "work.lock", multiprocessing.get_context("fork").Event()

    def hold() -> None:
        with locks.alone(path, "busy"):
            inside.set()
            time.sleep(60)

    holder = multiprocessing.get_context("fork").Process(target=hold)
    holder.start()
    assert inside.wait(30)
    assert locks.taken(path)
    with pytest.raises(KitError, match="busy"), locks.alone(path, "busy"):
        pass
    holder.kill()
    holder.join()
    assert not locks.taken(path)


def test_the_verbs_keep_to_it(box: Box) -> None:
    box.ask("lock", "--owner", "ann@workstation")
    held = box.refused("activate", "net-1.0-00000000", "--owner", "bob@workstation")
    assert held["holder"]["owner"] == "ann@workstation"
    assert "is not in place" in box.refused("activate", "net-1.0-00000000", "--owner", "ann@workstation")["error"]
    assert box.ask("status")["lock"]["owner"] == "ann@workstation"
    assert box.refused("unlock", "--owner", "bob@workstation")["holder"]["owner"] == "ann@workstation"
    box.ask("unlock", "--owner", "ann@workstation")
    assert box.ask("status")["lock"] is None
