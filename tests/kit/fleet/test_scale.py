"""The simulation: its clock and its shared resources against sums done by hand."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.fleet_scale import costs, report, times
from benchmarks.fleet_scale.costs import Costs
from benchmarks.fleet_scale.resources import Shared
from benchmarks.fleet_scale.times import StepTimes, collect
from benchmarks.fleet_scale.world import CONNECTIONS, Scenario, World, limits, round_trips
from kit.fleet.host.result import Job, Kind
from kit.fleet.rollout.wave_engine import Verdict
from tests.kit.fleet.conftest import Shop

FREE = Costs("made up", 0.0, 0.0, 0.0, 0.0, 0.0, 50e6, 1e4, 1e6)
TIMES = StepTimes("made up", {"restart": [20.0]}, [2.0], [15.0], [1.0])
NEAR = Scenario(100, 100, round_trip=0.0, out_of_reach=0.0, link=1e6, uplink=1e12, size=10e6)


def test_a_resource_gives_each_its_limit_and_an_equal_share_beyond() -> None:
    shared = Shared(capacity=10, limit=4)
    shared.enter(0, "a", 40)
    assert shared.next_end() == 10
    shared.enter(5, "b", 20)
    assert (shared.next_end(), shared.leave(10)) == (10, "a")
    shared.enter(10, "c", 100)
    shared.enter(10, "d", 100)
    shared.enter(10, "e", 100)
    assert shared.next_end() == 10
    assert shared.leave(10) == "b"
    assert shared.next_end() == pytest.approx(40)
    assert shared.used == pytest.approx(60)


def test_four_waves_take_as_long_as_their_parts() -> None:
    result = World(NEAR, TIMES, FREE).run()
    assert result.verdict is Verdict.DONE
    assert result.kinds[Kind.CHANGED] == 100
    # prepare 2 s, then 1, 1, 10 and 88 boxes all at once: 10 s to send and 20 s there; three pauses; release 1 s.
    assert result.wall == pytest.approx(2 + 4 * 30 + 3 * 60 + 1, rel=0.1)
    assert result.sent == pytest.approx(100 * 10e6)
    assert result.busiest == 100


def test_an_uplink_that_is_shared_makes_it_slower() -> None:
    narrow = World(replace(NEAR, uplink=10e6), TIMES, FREE).run()
    # the last wave's 88 boxes share 10 MB/s: 88 s for their 880 MB, where each alone would take 10.
    assert narrow.wall == pytest.approx(2 + 3 * 30 + 88 + 20 + 3 * 60 + 1, rel=0.1)
    assert narrow.link_share <= 1


def test_the_workstations_processors_are_the_limit_when_each_connection_costs_enough() -> None:
    dear = World(NEAR, TIMES, replace(FREE, connection=1.0)).run()
    least = 100 * sum(CONNECTIONS[job] for job in CONNECTIONS if job.value != "take back") / NEAR.cores
    assert dear.wall > least
    assert dear.cpu == pytest.approx(2 * least, rel=0.01)
    assert dear.cpu_share <= 1


def test_the_limits_are_what_each_part_could_do_alone() -> None:
    found = limits(NEAR, TIMES, replace(FREE, connection=1.0, call=0.1))
    cores, uplink, narrow, wide = found.values()
    assert cores == pytest.approx(3600 * 2 / (4 + 11 * 0.1))
    assert uplink == pytest.approx(3600 * 1e12 / 10e6)
    assert (narrow, wide) == pytest.approx((3600 * 16 / 33, 3600 * 256 / 33))


def test_distance_costs_each_connection_its_round_trips() -> None:
    far = World(replace(NEAR, round_trip=0.1), TIMES, FREE).run()
    near = World(NEAR, TIMES, FREE).run()
    trips = round_trips(Job.PREPARE) + 4 * round_trips(Job.CHANGE) + round_trips(Job.RELEASE)
    assert trips == 7 + 2 * 2 + 4 * (2 * 7 + 8 * 2) + 7 + 2
    assert far.wall - near.wall == pytest.approx(trips * 0.1, rel=0.05)


def test_failures_stop_it_and_are_taken_back() -> None:
    bad = World(replace(NEAR, boxes=1000, failing=0.3), TIMES, FREE, seed=3).run()
    assert bad.verdict in (Verdict.TAKEN_BACK, Verdict.UNPROVEN)
    assert bad.kinds.get(Kind.BACK, 0) == bad.kinds.get(Kind.CHANGED, 0)


def test_step_times_are_collected_from_a_roll_outs_own_record(shop: Shop, tmp_path: Path) -> None:
    shop.deploy("r1")
    shop.state("b3")["faults"] = {"gate": {"r2": "too slow"}}
    for remote in shop.remotes.values():
        remote.on_call = lambda verb: time.sleep(0.02)
    shop.deploy("r2")
    document = collect([shop.workspace().rollout], "here")
    assert set(document["changes"]) == {"restart"}
    changed = document["changes"]["restart"]
    assert 1 <= len(changed) <= 2
    assert all({"lock", "send", "receive", "activate"} <= set(steps) for steps in changed)
    assert all("reach" not in steps for steps in changed)
    assert len(document["prepare"]) == 5
    assert len(document["take_back"]) == len(changed)
    assert document["release"][0] > 0


def test_what_is_recorded_and_measured_is_there_and_makes_a_table_and_a_picture(tmp_path: Path) -> None:
    recorded = times.read()
    assert {"first", "restart"} <= set(recorded.changes)
    results = [World(replace(NEAR, boxes=boxes), recorded, costs.read()).run() for boxes in (10, 100)]
    table = report.markdown(results).splitlines()
    assert len(table) == 4
    assert len({line.count("|") for line in table}) == 1
    report.draw(results, tmp_path / "scale.svg")
    assert ElementTree.parse(tmp_path / "scale.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_the_workstations_own_program_is_measured_with_a_whole_run() -> None:
    spent, program, waiting = costs.own_program(20)
    assert spent > 0
    assert program > 1e6
    assert waiting >= 0
