from __future__ import annotations

from kit.machine import Machine
from kit.serving.preflight import SHARED_BYTES, WORKER_BYTES
from kit.tune.search.candidate import Candidate
from kit.tune.search.space import AXES, space
from tests.kit.tune.landscapes import machine

DEFAULT = Candidate("fp32", 2, 1, 1, 0)


def test_no_more_threads_than_cores_and_no_delay_without_a_batch() -> None:
    choices = space(machine(6), 0, ("fp32", "int8"), Candidate("fp32", 6, 1, 1, 0))
    assert all(candidate.workers * candidate.threads <= 6 for candidate in choices.candidates)
    assert {candidate.delay for candidate in choices.candidates if candidate.batch == 1} == {0}
    assert (3, 2) in choices.layouts
    assert len(choices.candidates) == len(set(choices.candidates))


def test_the_profiles_default_is_among_them_whatever_it_is() -> None:
    odd = Candidate("bf16", 3, 5, 6, 7)
    assert odd in space(machine(2), 0, ("fp32",), odd).candidates


def test_no_more_workers_than_memory_holds() -> None:
    small = Machine("aarch64", 4, SHARED_BYTES + 2 * WORKER_BYTES, SHARED_BYTES, ())
    assert max(workers for workers, _ in space(small, 0, ("fp32",), Candidate("fp32", 1, 4, 1, 0)).layouts) == 2


def test_on_gpus_workers_are_instances_of_them() -> None:
    choices = space(machine(8, ("L4", "L4")), 2, ("fp32", "fp16"), Candidate("fp16", 2, 1, 32, 5))
    assert {workers for workers, _ in choices.layouts} == {2, 4, 6, 8}
    assert max(choices.batches) == 64


def test_every_step_changes_its_axis_alone_and_stays_in_the_grid() -> None:
    choices = space(machine(4), 0, ("fp32", "int8"), Candidate("fp32", 4, 1, 1, 0))
    grid = set(choices.candidates)
    for here in choices.candidates:
        for axis in AXES:
            for way in choices.axis(axis, here):
                assert set(way) <= grid
                assert here not in way
                for there in way:
                    assert (there.precision != here.precision) == (axis == "precision")
                    assert ((there.workers, there.threads) != (here.workers, here.threads)) == (axis == "layout")


def test_every_candidate_can_be_reached_from_the_default() -> None:
    choices = space(machine(6), 0, ("fp32", "int8"), Candidate("fp32", 6, 1, 1, 0))
    reached, frontier = {choices.default}, [choices.default]
    while frontier:
        here = frontier.pop()
        for axis in AXES:
            for way in choices.axis(axis, here):
                frontier += [there for there in way if there not in reached]
                reached |= set(way)
    assert reached == set(choices.candidates)
