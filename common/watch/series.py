"""The names that a record knows things by, and how much of each was counted between two moments.

    decode<0.005        requests decoded in up to 5 ms, and more than the bound before it; decode<inf the rest
    label=Banana        pictures answered so
    @memory_mb          a level, not a count

So a record stays readable when a later kit has other buckets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.watch.snapshot import Snapshot

BELOW, IS, LEVEL = "<", "=", "@"
STARTS, DEATHS = "worker_starts", "worker_deaths"
GATEWAY, GATEWAY_SECONDS = "gateway", "gateway_seconds"
UNRECORDED = {"probes", "outputs"}  # watchers' own, and what only the drift tests need
Counted = dict[str, int]
Source = tuple[str, float]  # what counts, and since when


def bucket(key: str, bound: float) -> str:
    return f"{key}{BELOW}{'inf' if math.isinf(bound) else f'{bound:g}'}"


def parsed(name: str) -> tuple[str, str, str]:
    """The key, BELOW or IS or "", and the bound or the value."""
    at = min((place for mark in (BELOW, IS) if (place := name.find(mark)) > 0), default=len(name))
    return name[:at], name[at : at + 1], name[at + 1 :]


class Tally:
    """What sources have counted since each was seen last. `began`: of a source that was there before (s since 1970), as
    a gateway is that outlived a server, others have recorded the rest."""

    def __init__(self, began: float, kept: str = "") -> None:
        """`kept`: what `gateway` of the Tally before this one was, with the same record."""
        self._began = began
        self._before: dict[Source, Counted] = {}
        self._gateway_since = math.inf
        if kept:
            self._gateway_since, counted = json.loads(kept)
            self._before[GATEWAY, self._gateway_since] = counted

    @property
    def gateway(self) -> str:
        """How far it is counted: it outlives the servers behind it. "" where there is none."""
        found = [[since, counted] for (name, since), counted in self._before.items() if name == GATEWAY]
        return json.dumps(found[-1]) if found else ""

    def since_last(self, shown: Snapshot) -> Counted:
        found: Counted = {}
        for source, counted in totals(shown):
            before = self._before.get(source, {} if self._is_new(source) else counted)
            self._before[source] = counted
            for name, count in counted.items():
                if more := count - before.get(name, 0):
                    found[name] = found.get(name, 0) + more
        return found

    def _is_new(self, source: Source) -> bool:
        """Nobody has recorded anything of it: it began with this server, or after the gateway that was recorded."""
        name, since = source
        return since >= self._began or (name == GATEWAY and since > self._gateway_since)


def totals(shown: Snapshot) -> Iterator[tuple[Source, Counted]]:
    """What each source has counted since it began."""
    for document in shown.workers:
        counted = {STARTS: int(document["workers_started"]), DEATHS: int(document["workers_died"])}
        for one in document["measures"]:
            if one["key"] not in UNRECORDED:
                counted |= _counts(one)
        yield (f"{document['model']} {document['version']}", document["since"]), counted
    if shown.gateway:
        yield (GATEWAY, shown.gateway["since"]), dict(gateway_counts(shown.gateway))


def _counts(one: Mapping[str, Any]) -> Counted:
    if "bounds" in one:
        bounds: Sequence[float] = [*one["bounds"], math.inf]
        return {bucket(one["key"], bound): count for bound, count in zip(bounds, one["counts"], strict=True) if count}
    return {f"{one['key']}{IS}{value}": count for value, count in one["counts"].items()}


def gateway_counts(told: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Only of what asks for predictions: whoever scans a network for holes is no client."""
    for code, count in told["codes"].items():
        yield f"{GATEWAY}{IS}{code}", int(count)
    for bound, count in told["seconds"].items():
        yield bucket(GATEWAY_SECONDS, float(bound)), int(count)
    for name in ("kilobytes_in", "kilobytes_out"):
        yield f"{GATEWAY}_{name}", int(told[name])
