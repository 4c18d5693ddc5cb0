"""How much of each thing was counted between two moments."""

from __future__ import annotations

import pytest

from common.watch.series import Tally, bucket, parsed
from common.watch.snapshot import Snapshot
from tests.common.watch.documents import Workers

GATEWAY = {"since": 100.0, "ready": True, "codes": {"200": 3}, "seconds": {"0.05": 2, "inf": 1}}
GATEWAY |= {"kilobytes_in": 40, "kilobytes_out": 2}


def shown(*workers: Workers, **gateway: object) -> Snapshot:
    return Snapshot(0.0, [one.document() for one in workers], {**GATEWAY, **gateway} if gateway else {})


def test_only_what_is_new_is_counted() -> None:
    workers, tally = Workers(), Tally(0)
    workers.answer()
    first = tally.since_last(shown(workers))
    assert first == {"code=200": 1, "label=Banana": 1, "confidence<0.9": 1, "handler<0.01": 1, "worker_starts": 1}
    workers.answer(label=1, confidence=0.95)
    assert tally.since_last(shown(workers)) == {
        "code=200": 1, 'label=L"ime': 1, "confidence<inf": 1, "handler<0.01": 1,
    }  # fmt: skip
    assert tally.since_last(shown(workers)) == {}


def test_a_parent_that_began_anew_counts_from_0_and_versions_are_added_up() -> None:
    old, tally = Workers(), Tally(0)
    for _ in range(3):
        old.answer()
    tally.since_last(shown(old))
    again, other = Workers(), Workers("2.0")
    for workers in (again, other):
        workers.answer()
    assert tally.since_last(shown(again, other))["code=200"] == 2


def test_one_that_could_not_be_asked_for_a_while_loses_nothing() -> None:
    workers, tally = Workers(), Tally(0)
    workers.answer()
    tally.since_last(shown(workers))
    assert tally.since_last(shown()) == {}
    workers.answer()
    assert tally.since_last(shown(workers))["code=200"] == 1


def test_of_a_gateway_that_was_there_before_only_what_comes_from_now_on() -> None:
    tally = Tally(200.0)
    assert tally.since_last(shown(codes={"200": 3})) == {}
    more = tally.since_last(shown(codes={"200": 5, "503": 1}))
    assert more == {"gateway=200": 2, "gateway=503": 1}


def test_what_a_gateway_counted_while_no_server_was_watched_is_not_lost() -> None:
    before = Tally(200.0)
    before.since_last(shown(codes={"200": 3}))
    before.since_last(shown(codes={"200": 5}))
    again = Tally(300.0, before.gateway)
    assert again.since_last(shown(codes={"200": 5, "503": 4})) == {"gateway=503": 4}
    assert Tally(300.0).gateway == ""
    booted = Tally(300.0, before.gateway)
    assert booted.since_last(shown(since=250.0, codes={"503": 2}))["gateway=503"] == 2, (
        "another gateway, before the server"
    )


def test_one_that_was_started_with_the_server_counts_from_its_start() -> None:
    found = Tally(50.0).since_last(shown(codes={"200": 3}))
    assert found == {
        "gateway=200": 3, "gateway_seconds<0.05": 2, "gateway_seconds<inf": 1,
        "gateway_kilobytes_in": 40, "gateway_kilobytes_out": 2,
    }  # fmt: skip


def test_watchers_are_no_traffic() -> None:
    workers = Workers()
    workers.row.status("probes", 200)
    assert Tally(0).since_last(shown(workers)) == {"worker_starts": 1}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (bucket("decode", 0.005), ("decode", "<", "0.005")),
        (bucket("decode", float("inf")), ("decode", "<", "inf")),
        ("label=a<b=c", ("label", "=", "a<b=c")),
        ("worker_starts", ("worker_starts", "", "")),
        ("@memory_mb", ("@memory_mb", "", "")),
    ],
)
def test_a_name_says_what_it_counts(name: str, parts: tuple[str, str, str]) -> None:
    assert parsed(name) == parts
