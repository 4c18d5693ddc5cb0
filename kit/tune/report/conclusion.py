"""What a search came to, as data: the terminal, report.json and report.html all show this."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from common.words import count
from kit.tune.report.reasons import misses, reasons
from kit.tune.search.candidate import Candidate, Result
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal

# From so much on, "2.5 times" says more than "150 % more".
TIMES = 2.0


@dataclass(frozen=True)
class Conclusion:
    """`ranked` is everything that was measured, the best first. `feasible`: the chosen one meets the limits."""

    goal: Goal
    chosen: Result
    default: Result
    ranked: list[Result]
    measurements: int
    grid: int
    noise: float
    reasons: dict[str, str]

    @property
    def feasible(self) -> bool:
        return self.goal.score(self.chosen).feasible

    @property
    def sentence(self) -> str:
        counts = f"In {count(self.measurements, 'measurement')} of {len(self.ranked)} of {self.grid} configurations"
        name, figure = self.chosen.candidate.words, self.goal.figure
        if not self.feasible:
            why = self.chosen.failure or misses(self.chosen, self.goal)
            missed = f"met {self.goal.limits}" if self.goal.limits else "was free of failed requests"
            return f"{counts}, none {missed}; closest was {name}: {why}."
        kept = f", and meets {self.goal.limits}" if self.goal.limits else ""
        if self.chosen == self.default:
            return (
                f"{counts}, none was better than the profile's default by more than the noise of {self.noise:.0%}: "
                f"{name} gives {figure(self.chosen)}{kept}."
            )
        default = self.default.candidate.words
        if why := self.default.failure or misses(self.default, self.goal):
            return f"{counts}, {name} gives {figure(self.chosen)}{kept}; the default ({default}) does not: {why}."
        return (
            f"{counts}, {name} gives {figure(self.chosen)}, {self._gain()} the default's {figure(self.default)} "
            f"({default}){kept}."
        )

    def _gain(self) -> str:
        if self.goal.objective == "throughput":
            ratio = self.chosen.throughput / self.default.throughput
            return f"{ratio:.1f} times" if ratio >= TIMES else f"{ratio - 1:.0%} more than"
        latency = self.goal.objective == "latency"
        ratio = self.chosen.p99 / self.default.p99 if latency else self.chosen.memory / self.default.memory
        return f"{1 - ratio:.0%} less than" if ratio < 1 else "with more throughput than"

    def document(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "goal": self.goal.words,
            "feasible": self.feasible,
            "measurements": self.measurements,
            "configurations": self.grid,
            "noise": round(self.noise, 4),
            "chosen": {**asdict(self.chosen.candidate), "reasons": self.reasons},
            "default": asdict(self.default.candidate),
            "candidates": [self.row(result) for result in self.ranked],
        }

    def row(self, result: Result) -> dict[str, Any]:
        """Latencies in ms, memory in MB (2^20 bytes); null where nothing could be measured."""
        figures: dict[str, float | None] = dict.fromkeys(("throughput", "p50", "p99", "memory_mb"))
        if not result.failure:
            figures = {
                "throughput": round(result.throughput, 1),
                "p50": round(result.p50, 1),
                "p99": round(result.p99, 1),
                "memory_mb": round(result.memory / (1 << 20)),
            }
        return {
            **asdict(result.candidate),
            "measured": len(result.outcomes),
            **figures,
            "remark": result.failure or misses(result, self.goal),
            "is": self._is(result.candidate),
        }

    def _is(self, candidate: Candidate) -> str:
        """`best`, `default`, both, or neither."""
        names = {"best": self.chosen.candidate, "default": self.default.candidate}
        if not self.feasible:
            names = {"nearest": self.chosen.candidate, "default": self.default.candidate}
        return ", ".join(name for name, one in names.items() if one == candidate)


def conclude(search: Search) -> Conclusion:
    chosen = search.winner()
    return Conclusion(
        goal=search.goal,
        chosen=chosen,
        default=search.results[search.space.default],
        ranked=search.ranked(),
        measurements=sum(len(result.outcomes) for result in search.results.values()),
        grid=len(search.space.candidates),
        noise=search.noise,
        reasons=reasons(search, chosen.candidate),
    )
