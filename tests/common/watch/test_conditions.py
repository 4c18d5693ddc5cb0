"""The alerts without Prometheus: what holds, since when, and that it is what the rules say."""

from __future__ import annotations

import re

import pytest
import yaml

from common.watch import conditions
from common.watch.conditions import HOLD, Conditions, Minute, Now
from kit.build import PROJECT

WELL = {"memory_available_bytes": 500.0, "memory_bytes": 1000.0, "disk_free_bytes": 500.0, "disk_bytes": 1000.0}
GOOD = Minute(requests=100, queued=100)
RULES = PROJECT / "config/monitoring/rules/alerts.yml"


def now(**changes: object) -> Now:
    return Now(0.0, WELL, ready=True, **changes)  # type: ignore[arg-type]


def minutes_until(name: str, last: Minute, so: Now, before: int = 0) -> int:
    """How many minutes of it fire a condition, after so many good ones."""
    watched = Conditions()
    for _ in range(before):
        assert watched.judge(GOOD, now()) == ({}, {})
    for number in range(1, 400):
        if name in watched.judge(last, so)[0]:
            return number
    raise AssertionError(f"{name} never holds")


@pytest.mark.parametrize(
    ("name", "last", "so"),
    [
        ("VisionNotAnswering", GOOD, Now(0.0, WELL, ready=False)),
        ("VisionWorkersDie", Minute(deaths=3), now()),
        ("VisionRestarts", GOOD, now(starts=3)),
        ("VisionErrorsFast", Minute(requests=100, errors=8), now()),
        ("VisionErrorsSlow", Minute(requests=100, errors=4), now()),
        ("VisionSlowFast", Minute(requests=100, slow=15), now()),
        ("VisionSlowSlow", Minute(requests=100, slow=7), now()),
        ("VisionQueue", Minute(queued=100, waited=6), now()),
        ("VisionMemoryLow", GOOD, Now(0.0, WELL | {"memory_available_bytes": 79.0})),
        ("VisionDiskLow", GOOD, Now(0.0, WELL | {"disk_free_bytes": 99.0})),
        ("VisionHot", GOOD, Now(0.0, WELL | {"temperature_celsius": 81.0})),
        ("VisionUndervolted", Minute(undervolted=True), now()),
        ("VisionCertificateEnds", GOOD, now(certificate_ends=13 * 86400.0)),
        ("VisionDrift", GOOD, now(drift="darker")),
    ],
)
def test_each_begins_when_it_has_held_for_its_time(name: str, last: Minute, so: Now) -> None:
    assert minutes_until(name, last, so) == HOLD[name] + 1


def test_a_board_that_slows_down_now_and_then_is_no_fault() -> None:
    assert minutes_until("VisionThrottled", Minute(throttled=True), now()) == 8
    watched = Conditions()
    for number in range(60):
        assert watched.judge(Minute(throttled=number % 3 == 0), now()) == ({}, {})


def test_a_budget_that_burns_in_one_window_only_is_none() -> None:
    watched = Conditions()
    for number in range(300):
        begun, _ = watched.judge(Minute(requests=100, errors=50 if number % 60 == 59 else 0), now())
        assert begun == {}, "one bad minute an hour"


def test_after_a_good_day_it_takes_as_long_as_the_long_window_wants() -> None:
    assert 6 <= minutes_until("VisionErrorsFast", Minute(requests=100, errors=50), now(), before=60) <= 12


def test_what_ends_is_told_once_with_its_words() -> None:
    watched = Conditions()
    assert watched.judge(GOOD, now(drift="darker")) == ({"VisionDrift": "darker"}, {})
    assert watched.judge(GOOD, now(drift="darker, blurred")) == ({}, {})
    assert watched.active == {"VisionDrift": "darker, blurred"}
    assert watched.judge(GOOD, now()) == ({}, {"VisionDrift": "darker, blurred"})
    assert watched.judge(GOOD, now()) == ({}, {})


def test_what_held_before_is_over_or_goes_on() -> None:
    watched = Conditions({"VisionNotAnswering": "it does not answer", "VisionHot": "85 °C"})
    begun, ended = watched.judge(GOOD, Now(0.0, WELL, ready=False))
    assert (begun, ended) == ({}, {"VisionHot": "85 °C"})
    assert list(watched.active) == ["VisionNotAnswering"]


def test_nobody_asks_and_nothing_is_known() -> None:
    watched = Conditions()
    for _ in range(100):
        assert watched.judge(Minute(), Now(0.0, {})) == ({}, {})


def test_a_minute_is_read_from_what_was_counted_as_clients_saw_it() -> None:
    counts = {"gateway=200": 7, "gateway=429": 1, "gateway=503": 2, "gateway=415": 3, "code=200": 9}
    counts |= {"gateway_seconds<1": 9, "gateway_seconds<1.5": 3, "gateway_seconds<inf": 1, "handler<2": 9}
    counts |= {"queue<1": 8, "queue<2": 2, "worker_deaths": 1}
    found = conditions.minute(counts, {"throttled": 1.0})
    assert found == Minute(13, 3, 4, 10, 2, 1, throttled=True)
    direct = {name: count for name, count in counts.items() if not name.startswith("gateway")}
    assert conditions.minute(direct, {}) == Minute(9, 0, 9, 10, 2, 1)


def test_names_times_and_limits_are_those_of_the_rules() -> None:
    rules = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    assert set(rules) - set(HOLD) == {"VisionSilent", "VisionWrongRelease", "VisionClockOff"}
    for name, minutes in HOLD.items():
        said = rules[name].get("for", "0m")
        assert {"m": 1, "h": 60}[said[-1]] * int(said[:-1]) == minutes, name
    for name, limits in {
        "VisionErrorsFast": (conditions.FAST_BURN, conditions.ERROR_BUDGET),
        "VisionErrorsSlow": (conditions.SLOW_BURN, conditions.ERROR_BUDGET),
        "VisionSlowFast": (conditions.FAST_BURN, conditions.SLOW_BUDGET),
        "VisionSlowSlow": (conditions.SLOW_BURN, conditions.SLOW_BUDGET),
        "VisionMemoryLow": (conditions.MEMORY_LEAST,),
        "VisionDiskLow": (conditions.DISK_LEAST,),
        "VisionHot": (conditions.HOT,),
        "VisionWorkersDie": (conditions.DEATHS_MOST,),
    }.items():
        figures = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", rules[name]["expr"])}
        assert set(limits) <= figures, name
