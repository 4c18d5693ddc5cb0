"""The simulated autoscaler does what Kubernetes's does, and what ships is what was simulated."""

from __future__ import annotations

import pytest
import yaml

from benchmarks.autoscaling import __main__ as shipped
from benchmarks.autoscaling.autoscaler import Autoscaler
from benchmarks.autoscaling.simulation import Pods, simulate
from kit.build import PROJECT

PODS = Pods(workers=2, capacity=16, start_seconds=20, least=1, most=10)


def test_what_ships_is_what_was_simulated() -> None:
    file = PROJECT / "config/kubernetes/components/autoscaling/autoscaler.yaml"
    spec = yaml.safe_load(file.read_text())["spec"]
    (metric,) = spec["metrics"]
    assert metric["pods"]["target"]["averageValue"] == f"{shipped.CHOSEN * shipped.WORKERS * 1000:.0f}m"
    assert (spec["minReplicas"], spec["maxReplicas"]) == (shipped.PODS.least, shipped.PODS.most)


@pytest.mark.parametrize(
    ("now", "ready", "value", "wanted"),
    [
        (4, 4, 1.0, 4),  # as it should be
        (4, 4, 1.09, 4),  # and within a tenth of it
        (4, 4, 1.5, 6),
        (4, 4, 9.0, 8),  # at most twice as many, or four more, at a time
        (1, 1, 9.0, 5),
        (8, 4, 1.5, 8),  # those that start already are enough
        (10, 10, 9.0, 10),  # the most
    ],
)
def test_it_goes_up_by_proportion_and_in_steps(now: int, ready: int, value: float, wanted: int) -> None:
    assert Autoscaler(target=1.0, least=1, most=10).replicas(now, ready, value) == wanted


def test_it_goes_down_to_the_most_of_what_it_wanted_in_five_minutes() -> None:
    scaler = Autoscaler(target=1.0, least=1, most=10)
    assert scaler.replicas(8, 8, 1.0) == 8
    assert [scaler.replicas(8, 8, 0.3) for _ in range(19)] == [8] * 19
    assert scaler.replicas(8, 8, 0.3) == 3


def test_a_steady_load_is_answered_by_as_many_as_it_takes() -> None:
    found = simulate(lambda at: 100.0, 100.0, 1800, [0.05], PODS, target=1.4, seed=1)
    assert found.missed == 0
    assert found.requests == pytest.approx(180_000, rel=0.02)
    assert found.busy == pytest.approx(9_000, rel=0.02)
    assert 3 <= found.replicas[-1][1] <= 6  # 5 worker-seconds a second, two workers a pod
    assert found.pod_seconds / 1800 == pytest.approx(found.replicas[-1][1], abs=1)


def test_more_than_all_pods_can_answer_is_told_to_come_again() -> None:
    found = simulate(lambda at: 1000.0, 1000.0, 300, [0.05], PODS, target=1.4, seed=1)
    assert found.replicas[-1][1] == PODS.most
    assert found.refused > 0.5 * found.requests


def test_the_same_seed_is_the_same_run() -> None:
    one, other = (simulate(lambda at: 50.0, 50.0, 120, [0.02, 0.09], PODS, 1.4, seed=3) for _ in range(2))
    assert (one.requests, one.busy, one.replicas) == (other.requests, other.busy, other.replicas)
