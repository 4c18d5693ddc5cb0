"""What a run came to: the exit status, the document, and the words to paste into a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kit.fleet.host.result import HostResult, Job, Kind
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.wave_engine import Engine, Verdict

# Of the JSON document; 2 calls downtime and hints so.
FORMAT = 2
HEADLINES = {
    Verdict.DONE: "done",
    Verdict.REFUSED: "REFUSED, nothing was changed",
    Verdict.TAKEN_BACK: "STOPPED",
    Verdict.UNPROVEN: "STOPPED, the release is unproven",
    Verdict.INTERRUPTED: "INTERRUPTED by the operator",
}
# Of a box's log in the summary; JSON=1, the history and `make logs` have more. Then the headline is said once more.
LOG_LINES = 6
A_SCREEN = 20
COUNTED = {
    Kind.CHANGED: "changed",
    Kind.UNCHANGED: "had it already",
    Kind.BACK: "taken back",
    Kind.KEPT: "kept the release (they had none before)",
    Kind.FAILED: "failed",
    Kind.UNREACHABLE: "out of reach",
    Kind.REFUSED: "refused",
    Kind.STOPPED: "stopped",
    Kind.READY: "not changed",
}


@dataclass(frozen=True)
class Report:
    """`seconds` is the wall time; `results` are in the fleet file's order."""

    what: str
    fleet: str
    releases: Sequence[str]
    verdict: Verdict
    reason: str
    results: Sequence[HostResult]
    seconds: float

    @staticmethod
    def of(engine: Engine, task: Task, fleet: str, results: Sequence[HostResult], seconds: float) -> Report:
        """Of an engine that has finished."""
        assert engine.verdict is not None
        return Report(task.what, fleet, task.releases, engine.verdict, engine.reason, results, seconds)

    @property
    def failed(self) -> bool:
        """Was anything rolled back, or did anything fail? Boxes out of reach alone are no failure."""
        return self.verdict is not Verdict.DONE or any(host_result.kind is Kind.FAILED for host_result in self.results)

    @property
    def stranded(self) -> list[HostResult]:
        """Boxes that were to be taken back and may still run the new release."""
        return [one for one in self.results if one.job is Job.TAKE_BACK and one.kind is Kind.FAILED]

    @property
    def in_a_line(self) -> str:
        counts = [(sum(one.kind is kind for one in self.results), words) for kind, words in COUNTED.items()]
        counted = ", ".join(f"{count} {words}" for count, words in counts if count)
        return f"{HEADLINES[self.verdict]}{self._taken_back()}: {counted}"

    def _taken_back(self) -> str:
        """Of the boxes that had changed, how many went back."""
        turned = [one for one in self.results if one.job is Job.TAKE_BACK]
        back = sum(one.kind is Kind.BACK for one in turned)
        if not turned:
            return ", nothing had changed" if self.verdict is Verdict.TAKEN_BACK else ""
        if back == len(turned):
            return ", and what had changed was taken back"
        return f", and NOT all that had changed was taken back: {back} of {len(turned)}"

    def document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "ok": not self.failed,
            "what": self.what,
            "fleet": self.fleet,
            "releases": list(self.releases),
            "verdict": self.verdict.value,
            "reason": self.reason,
            "seconds": round(self.seconds, 1),
            "boxes": [host_result.document() for host_result in self.results],
        }

    def text(self) -> str:
        """Plain, a line a fact."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        release = ", ".join(self.releases)
        headline = f"{self.what} {release} → {self.fleet} in {duration(self.seconds)}: {self.in_a_line}"
        headline = headline.replace("  ", " ")
        yield headline
        if self.reason:
            yield f"why: {self.reason}"
        details = list(self._details())
        yield from details
        if len(details) > A_SCREEN:
            yield headline

    def _details(self) -> Iterator[str]:
        yield from listed("NOT TAKEN BACK, look at these first", self.stranded, self._state)
        yield from listed("failed", [one for one in self._of(Kind.FAILED) if one not in self.stranded], self._state)
        yield from listed("cannot take part", self._of(Kind.REFUSED), error)
        yield from listed("stopped", self._of(Kind.STOPPED), self._state)
        yield from listed("taken back", self._of(Kind.BACK), self._state)
        yield from listed(
            "kept the release", self._of(Kind.KEPT), lambda one: self._state(one) if one.silent else error(one)
        )
        yield from listed("changed", self._of(Kind.CHANGED), changed)
        yield from provisioned(self.results)
        yield from listed("as they were", [one for one in self._of(Kind.UNCHANGED) if one.error], error)
        yield from listed("out of reach, as they were (RESUME=1 takes them later)", self._of(Kind.UNREACHABLE), error)

    def _of(self, kind: Kind) -> list[HostResult]:
        return [host_result for host_result in self.results if host_result.kind is kind]

    @staticmethod
    def _state(host_result: HostResult) -> str:
        if host_result.silent:
            state = f"does not answer: {host_result.silent}"
        elif host_result.running is None:
            state = "what it runs is not known"
        else:
            state = f"runs {host_result.running or 'nothing'}"
        return f"{host_result.error}; {state}" if host_result.error else state


def listed(title: str, results: Sequence[HostResult], words: Any) -> Iterator[str]:
    if not results:
        return
    yield f"{title}:"
    width = max(len(host_result.box) for host_result in results)
    for host_result in results:
        yield f"  {host_result.box:<{width}}  {words(host_result)}"
        for line in host_result.log[-LOG_LINES:]:
            yield f"  {'':<{width}}    | {line}"


def error(host_result: HostResult) -> str:
    return host_result.error


def changed(host_result: HostResult) -> str:
    came = f"{host_result.before or 'nothing'} → {host_result.running}"
    return (
        f"{came}, {host_result.how}, downtime {host_result.downtime_seconds or 0:.1f} s, {megabytes(host_result.bytes)}"
    )


def provisioned(results: Sequence[HostResult]) -> Iterator[str]:
    """What was changed around the release; once for all boxes where it was the same."""
    boxes: dict[tuple[str, ...], list[str]] = {}
    for host_result in results:
        if host_result.changes:
            boxes.setdefault(tuple(host_result.changes), []).append(host_result.box)
    for changes, names in boxes.items():
        yield f"set up on {', '.join(names)}:"
        yield from (f"  {change}" for change in changes)


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
