"""What is wrong with a server, seen by who records it: the alerts of config/monitoring/rules, without Prometheus.

Windows, limits and times are theirs. VisionSilent, VisionWrongRelease and VisionClockOff are not here: only somebody
else sees those.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from common.watch.series import BELOW, DEATHS, GATEWAY, GATEWAY_SECONDS, IS, parsed

MINUTES = 360  # the longest window
ERROR_BUDGET, SLOW_BUDGET, SLOW_SECONDS = 0.005, 0.01, 1.0
FAST_BURN, SLOW_BURN = 14.4, 6.0
DEATHS_MOST, STARTS_MOST = 2, 2
MEMORY_LEAST, DISK_LEAST, HOT = 0.08, 0.1, 80.0
CERTIFICATE_SECONDS = 14 * 86400.0
# For how many minutes one has to hold, as `for:` in the rules.
HOLD = {
    "VisionNotAnswering": 1,
    "VisionWorkersDie": 0,
    "VisionRestarts": 0,
    "VisionErrorsFast": 2,
    "VisionErrorsSlow": 15,
    "VisionSlowFast": 2,
    "VisionSlowSlow": 15,
    "VisionQueue": 10,
    "VisionMemoryLow": 10,
    "VisionDiskLow": 30,
    "VisionHot": 10,
    "VisionThrottled": 0,
    "VisionUndervolted": 0,
    "VisionCertificateEnds": 60,
    "VisionDrift": 0,
}
ERRORS = {"429"}  # and 5xx


@dataclass(frozen=True)
class Minute:
    """Of one minute what the windows add up."""

    requests: int = 0
    errors: int = 0
    slow: int = 0
    queued: int = 0
    waited: int = 0
    deaths: int = 0
    throttled: bool = False
    undervolted: bool = False


@dataclass(frozen=True)
class Now:
    """What is so at the end of it. `gauges` as common/watch/machine.py has them; `ready` None where nobody can say;
    `starts` within the last hour; `certificate_ends` in s since 1970, 0 for none; `drift` in words."""

    at: float
    gauges: Mapping[str, float]
    ready: bool | None = None
    starts: int = 0
    certificate_ends: float = 0.0
    drift: str = ""


def minute(counts: Mapping[str, int], gauges: Mapping[str, float]) -> Minute:
    """Of what was counted in it, by the names of a record."""
    gateway = any(name.startswith(GATEWAY + IS) for name in counts)
    key, times = (GATEWAY, GATEWAY_SECONDS) if gateway else ("code", "handler")
    found = {"requests": 0, "errors": 0, "slow": 0, "queued": 0, "waited": 0}
    for name, count in counts.items():
        who, mark, value = parsed(name)
        if who == key and mark == IS:
            found["requests"] += count
            found["errors"] += count if value in ERRORS or value.startswith("5") else 0
        elif who == times and mark == BELOW:
            found["slow"] += count if float(value) > SLOW_SECONDS else 0
        elif who == "queue" and mark == BELOW:
            found["queued"] += count
            found["waited"] += count if float(value) > SLOW_SECONDS else 0
    return Minute(
        **found,
        deaths=counts.get(DEATHS, 0),
        throttled=bool(gauges.get("throttled")),
        undervolted=bool(gauges.get("undervolted")),
    )


class Conditions:
    """`active`: each condition that holds, and has for its time, in words."""

    def __init__(self, active: Mapping[str, str] | None = None) -> None:
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)
        self.active = dict(active or {})
        self._held = {name: HOLD.get(name, 0) for name in self.active}

    def judge(self, last: Minute, now: Now) -> tuple[dict[str, str], dict[str, str]]:
        """Take in a minute. What has begun with it, and what has ended, in words."""
        self._minutes.append(last)
        found = {name: words for name, words in self._found(now).items() if words}
        self._held = {name: self._held.get(name, -1) + 1 for name in found}
        active = {name: words for name, words in found.items() if self._held[name] >= HOLD[name]}
        begun = {name: words for name, words in active.items() if name not in self.active}
        ended = {name: words for name, words in self.active.items() if name not in active}
        self.active = active
        return begun, ended

    def _found(self, now: Now) -> dict[str, str]:
        """All that could be, "" for what is not."""
        gauges, left = now.gauges, now.certificate_ends - now.at
        deaths = sum(one.deaths for one in self._last(15))
        waited, queued = (sum(getattr(one, name) for one in self._last(10)) for name in ("waited", "queued"))
        memory = _share(gauges, "memory_available_bytes", "memory_bytes")
        disk = _share(gauges, "disk_free_bytes", "disk_bytes")
        degrees = gauges.get("temperature_celsius", 0.0)
        throttled = [one.throttled for one in self._last(15)]
        return {
            "VisionNotAnswering": "it does not answer, or not rightly" if now.ready is False else "",
            "VisionWorkersDie": f"{deaths} workers died within 15 minutes" if deaths > DEATHS_MOST else "",
            "VisionRestarts": f"{now.starts} starts within an hour" if now.starts > STARTS_MOST else "",
            "VisionErrorsFast": self._burns("errors", FAST_BURN * ERROR_BUDGET, 60, 5, "of the answers failed"),
            "VisionErrorsSlow": self._burns("errors", SLOW_BURN * ERROR_BUDGET, 360, 30, "of the answers failed"),
            "VisionSlowFast": self._burns("slow", FAST_BURN * SLOW_BUDGET, 60, 5, "took more than a second"),
            "VisionSlowSlow": self._burns("slow", SLOW_BURN * SLOW_BUDGET, 360, 30, "took more than a second"),
            "VisionQueue": "requests wait for more than a second" if queued and waited / queued > 0.05 else "",
            "VisionMemoryLow": f"{memory:.0%} of the memory is left" if memory < MEMORY_LEAST else "",
            "VisionDiskLow": f"{disk:.0%} of the disk is left" if disk < DISK_LEAST else "",
            "VisionHot": f"{degrees:.0f} °C" if degrees > HOT else "",
            "VisionThrottled": "the board slows itself down" if 2 * sum(throttled) > max(len(throttled), 15) else "",
            "VisionUndervolted": "too little voltage" if any(one.undervolted for one in self._last(15)) else "",
            "VisionCertificateEnds": f"its certificate ends in {left / 86400:.0f} days"
            if now.certificate_ends and left < CERTIFICATE_SECONDS
            else "",
            "VisionDrift": now.drift,
        }

    def _last(self, count: int) -> list[Minute]:
        return list(self._minutes)[-count:]

    def _burns(self, what: str, limit: float, long: int, short: int, words: str) -> str:
        """Where a budget is used up too fast in both windows."""
        shares = []
        for window in (long, short):
            minutes = self._last(window)
            requests = sum(one.requests for one in minutes)
            shares.append(sum(getattr(one, what) for one in minutes) / requests if requests else 0.0)
        return f"{shares[1]:.1%} {words}" if min(shares) > limit else ""


def _share(gauges: Mapping[str, float], part: str, whole: str) -> float:
    """1 where the machine does not tell."""
    return gauges[part] / gauges[whole] if gauges.get(whole) and part in gauges else 1.0
