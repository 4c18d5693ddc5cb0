"""Which candidate to measure next: a hill climb along the axes, with kicks out of local summits.

Pure: it is told what came of each candidate and knows of no server, no clock and no file. The same space,
goal and outcomes give the same questions, which is how an interrupted run is resumed: its journal is told again.

Why not a library: there are 10 to 200 candidates of which a fifth may be measured. Optuna's TPE draws ten of
them at random before it begins to learn, and wants SQLAlchemy and alembic installed. What is known here beforehand
(precision matters most, a delay only with a batch, neighbours are alike) is worth more than a general sampler;
Triton's Model Analyzer climbs for the same reason.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from kit.tune.search.candidate import Candidate, Outcome, Result
from kit.tune.search.objective import Goal, Score
from kit.tune.search.prediction import predict
from kit.tune.search.space import AXES, Space

BASELINE_REPEATS = 2
# So many times the best few so far are measured again, turn about with the default.
FINALISTS = 3
FINAL_ROUNDS = 2
# Two measurements of one thing that differ by less than this are the same even where a repeat happened to agree.
LEAST_NOISE = 0.02
# So many kicks one after the other without a gain: it is saturated.
KICKS = 4
# A kick that lands this far below the best is not climbed from.
HOPELESS = 0.1


@dataclass(frozen=True)
class Trial:
    """The next measurement to make. `phase` is what for: baseline, search or finals."""

    candidate: Candidate
    phase: str
    most_left: int
    """How many more there can be after this one."""


class Search:
    """`ask` says what to measure, `tell` what came of it, until `ask` says None. `budget` is how many different
    candidates the search may look at; the repeats of the default and of the best few come on top."""

    def __init__(self, space: Space, goal: Goal, budget: int) -> None:
        self.space, self.goal, self.budget = space, goal, budget
        self.results: dict[Candidate, Result] = {}
        self.noise = LEAST_NOISE
        self._steps = self._run()
        self._asked: Trial | None = next(self._steps)

    def ask(self) -> Trial | None:
        return self._asked

    def tell(self, outcome: Outcome) -> None:
        if not self._asked:
            raise ValueError("nothing was asked")
        candidate = self._asked.candidate
        known = self.results.get(candidate, Result(candidate, ()))
        self.results[candidate] = known.and_also(outcome)
        try:
            self._asked = next(self._steps)
        except StopIteration:
            self._asked = None

    def score(self, candidate: Candidate) -> Score:
        return self.goal.score(self.results[candidate])

    def ranked(self) -> list[Result]:
        """What was measured, the best first."""
        return sorted(self.results.values(), key=lambda result: (self.goal.score(result), result.candidate))

    def winner(self) -> Result:
        """The best of those that were measured more than once, by all their measurements together; the default
        unless it was beaten by more than the noise."""
        best = next(result for result in self.ranked() if len(result.outcomes) > 1)
        default = self.results[self.space.default]
        return best if self._is_better(best.candidate, default.candidate) else default

    def _run(self) -> Generator[Trial, None, None]:
        default = self.space.default
        for left in reversed(range(BASELINE_REPEATS)):
            yield Trial(default, "baseline", left + self._unspent + self._finals)
        self.noise = max(LEAST_NOISE, spread(self.results[default]))
        best = yield from self._climb(default)
        fruitless = 0
        while fruitless < KICKS and (start := self._kick(untried=fruitless % 2 == 1)):
            yield from self._measure(start)
            summit = start
            if self.score(start).gain_over(self.score(best)) > -HOPELESS:
                summit = yield from self._climb(start)
            fruitless = 0 if self._is_better(summit, best) else fruitless + 1
            best = min(best, summit, key=self.score)
        for left in reversed(range(FINAL_ROUNDS)):
            finalists = list(dict.fromkeys((*(result.candidate for result in self.ranked()[:FINALISTS]), default)))
            for index, candidate in enumerate(finalists):
                yield Trial(candidate, "finals", left * (FINALISTS + 1) + len(finalists) - index - 1)

    def _climb(self, start: Candidate) -> Generator[Trial, None, Candidate]:
        """Along one axis after the other as long as it gets better; the summit, whose neighbours are all known."""
        here, unimproved = start, 0
        stood = {start}  # never twice on one spot: what decides between equals could lead in a circle
        while True:
            for axis in AXES:
                before = here
                here = yield from self._along(axis, here, stood)
                unimproved = 0 if here != before else unimproved + 1
                if unimproved == len(AXES) or not self._unspent:
                    return here

    def _along(self, axis: str, start: Candidate, stood: set[Candidate]) -> Generator[Trial, None, Candidate]:
        """The best on an axis, going each way for as long as that is a gain."""
        here = start
        for way in self.space.axis(axis, start):
            for there in way:
                known = yield from self._measure(there)
                if not known or there in stood or not self._is_better(there, here):
                    break
                here = there
                stood.add(here)
        return here

    def _measure(self, candidate: Candidate) -> Generator[Trial, None, bool]:
        """False when the budget is spent and the candidate is not known."""
        if candidate in self.results:
            return True
        if not self._unspent:
            return False
        yield Trial(candidate, "search", self._unspent - 1 + self._finals)
        return True

    def _is_better(self, new: Candidate, old: Candidate) -> bool:
        return self.score(new).beats(self.score(old), self.noise)

    def _kick(self, untried: bool) -> Candidate | None:
        """Where what was seen so far promises most; None when there is nothing new, or no budget.

        `untried`: only where a precision meets workers and threads that it was not yet seen with. The promises
        assume that one does not depend on the other, and this is where that would show.
        """
        unknown = [candidate for candidate in self.space.candidates if candidate not in self.results]
        seen = [result for result in self.results.values() if result.measurements]
        if not unknown or not seen or not self._unspent:
            return None
        met = {_pair(candidate) for candidate in self.results}
        new = [candidate for candidate in unknown if _pair(candidate) not in met] if untried else []
        guesses = predict(self.space, seen, new or unknown)
        return min(guesses, key=lambda guess: (self.goal.score(guess), guess.candidate)).candidate

    @property
    def _unspent(self) -> int:
        return max(0, self.budget - len(self.results))

    @property
    def _finals(self) -> int:
        return FINAL_ROUNDS * (FINALISTS + 1)


def _pair(candidate: Candidate) -> tuple[str, int, int]:
    return candidate.precision, candidate.workers, candidate.threads


def spread(result: Result) -> float:
    """How far apart the throughputs of one candidate were, as a share of their mean."""
    seen = [measurement.throughput for measurement in result.measurements]
    return (max(seen) - min(seen)) / result.throughput if len(seen) > 1 and result.throughput else 0.0
