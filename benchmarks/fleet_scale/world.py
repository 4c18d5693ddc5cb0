"""A discrete-event simulation around the real wave engine: boxes that take recorded times, links, a workstation with so
many cores. No sockets, no threads, and no waiting."""

from __future__ import annotations

import heapq
import random
import statistics
import time
from collections import deque
from dataclasses import dataclass, field

from benchmarks.fleet_scale.costs import Costs
from benchmarks.fleet_scale.resources import Shared
from benchmarks.fleet_scale.times import StepTimes, drawn
from kit.fleet.host.result import Job, Kind
from kit.fleet.rollout.wave_engine import Engine, Start, Verdict, Wave

# ssh connections of each job of a deployment, where the next job comes when the last one's is closed: one for the job's
# calls, and one for a confirm. And its commands (see host/deploy.py), rsync among them.
CONNECTIONS = {Job.PREPARE: 1, Job.CHANGE: 2, Job.TAKE_BACK: 2, Job.RELEASE: 1}
CALLS = {Job.PREPARE: 2, Job.CHANGE: 8, Job.TAKE_BACK: 3, Job.RELEASE: 1}
# Round trips before there is a session (TCP, the two versions, key exchange, authentication), and of one in it.
ROUND_TRIPS, CALL_TRIPS = 7, 2


@dataclass(frozen=True)
class Scenario:
    """A fleet and its day. Rates in bytes a second, times in seconds, the last two as shares of the boxes."""

    boxes: int
    parallel: int
    how: str = "restart"
    size: float = 45e6
    link: float = 10e6 / 8
    uplink: float = 1e9 / 8
    round_trip: float = 0.04
    cores: int = 2
    pause: float = 60.0
    out_of_reach: float = 0.02
    failing: float = 0.0

    def waves(self) -> list[Wave]:
        """One box, then 1 %, 10 % and the rest; as many failures allowed as one in fifty."""
        left = deque(f"box-{number:05}" for number in range(self.boxes))
        waves: list[Wave] = []
        for share in (0.0, 0.01, 0.1, 1.0):
            size = max(1, round(self.boxes * share))
            boxes = tuple(left.popleft() for _ in range(min(size, len(left))))
            if boxes:
                waves.append(Wave(f"wave {len(waves) + 1}", boxes, max(1, len(boxes) // 50), self.pause))
        return waves


def limits(scenario: Scenario, times: StepTimes, costs: Costs) -> dict[str, float]:
    """What each part of the workstation could do alone, boxes an hour; the least of them is the limit."""
    jobs = (Job.PREPARE, Job.CHANGE, Job.RELEASE)
    processor = sum(asking(job, costs) for job in jobs) + costs.own_box + scenario.size * costs.sent_byte
    trips = sum(map(round_trips, jobs)) * scenario.round_trip
    there = statistics.mean(times.changes[scenario.how]) + statistics.mean(times.prepare) + times.release[0]
    box = there + trips + scenario.size / scenario.link
    return {
        f"its {scenario.cores} cores, {processor:.2f} s of one for each box": 3600 * scenario.cores / processor,
        f"its uplink, {scenario.size / 1e6:.0f} MB for each box": 3600 * scenario.uplink / scenario.size,
        f"parallel 16, {box:.0f} s for each box": 3600 * 16 / box,
        f"parallel 256, {box:.0f} s for each box": 3600 * 256 / box,
    }


def asking(job: Job, costs: Costs) -> float:
    """Processor seconds of a job's connections and calls."""
    return CONNECTIONS[job] * costs.connection + CALLS[job] * costs.call


def round_trips(job: Job) -> int:
    return CONNECTIONS[job] * ROUND_TRIPS + CALLS[job] * CALL_TRIPS


@dataclass
class Result:
    """`wall` is the roll-out's time, `cpu` the workstation's processor seconds, `engine` those of them that the engine
    itself took here; `memory` at its most, bytes; `sent` bytes; `busiest` the most boxes at once."""

    scenario: Scenario
    verdict: Verdict
    wall: float
    cpu: float
    engine: float
    memory: float
    sent: float
    busiest: int
    kinds: dict[Kind, int] = field(default_factory=dict)

    @property
    def cpu_share(self) -> float:
        """Of the workstation's cores, over the whole run."""
        return self.cpu / (self.wall * self.scenario.cores)

    @property
    def link_share(self) -> float:
        return self.sent / (self.wall * self.scenario.uplink)


class World:
    """One roll-out. Each job goes through the workstation's processors, then for a change the links, then its box."""

    def __init__(self, scenario: Scenario, times: StepTimes, costs: Costs, seed: int = 0) -> None:
        self._scenario, self._times, self._costs = scenario, times, costs
        self._chance = random.Random(seed)  # noqa: S311 - the same day each time
        self._engine = Engine(scenario.waves(), scenario.parallel)
        self._processors = Shared(scenario.cores, 1.0)
        self._links = Shared(scenario.uplink, scenario.link)
        self._at_boxes: list[tuple[float, int, Start]] = []
        self._now = self._engine_seconds = 0.0
        self._active = self._busiest = self._started = 0
        self._kinds: dict[Kind, int] = {}

    def run(self) -> Result:
        engine = self._engine
        while not engine.finished:
            for start in self._timed_next():
                self._begin(start)
            if engine.pause:
                self._now += engine.pause
                engine.resume()
            elif self._active:
                self._step()
        assert engine.verdict
        costs, scenario = self._costs, self._scenario
        cpu = self._processors.used + self._engine_seconds
        memory = costs.program + scenario.boxes * costs.waiting_box + self._busiest * costs.box_at_work
        return Result(
            scenario, engine.verdict, self._now, cpu, self._engine_seconds, memory, self._links.used, self._busiest,
            self._kinds,
        )  # fmt: skip

    def _timed_next(self) -> list[Start]:
        began = time.perf_counter()
        starts = self._engine.next()
        self._engine_seconds += time.perf_counter() - began
        return starts

    def _begin(self, start: Start) -> None:
        self._active += 1
        self._busiest = max(self._busiest, self._active)
        seconds = asking(start.job, self._costs)
        if start.job is Job.CHANGE:
            seconds += self._costs.own_box + self._scenario.size * self._costs.sent_byte
        self._processors.enter(self._now, start, seconds)

    def _step(self) -> None:
        """To the next instant at which something ends."""
        at_box = self._at_boxes[0][0] if self._at_boxes else float("inf")
        self._now = min(at_box, self._processors.next_end(), self._links.next_end())
        if self._now == at_box:
            self._end(heapq.heappop(self._at_boxes)[2])
        elif self._now == self._processors.next_end():
            start = self._processors.leave(self._now)
            assert isinstance(start, Start)
            if start.job is Job.CHANGE:
                self._links.enter(self._now, start, self._scenario.size)
            else:
                self._go_to_box(start)
        else:
            start = self._links.leave(self._now)
            assert isinstance(start, Start)
            self._go_to_box(start)

    def _go_to_box(self, start: Start) -> None:
        trips = round_trips(start.job) * self._scenario.round_trip
        self._started += 1
        heapq.heappush(self._at_boxes, (self._now + trips + self._seconds(start.job), self._started, start))

    def _seconds(self, job: Job) -> float:
        if job is Job.CHANGE:
            return self._times.change(self._scenario.how, self._chance)
        samples = {Job.PREPARE: self._times.prepare, Job.TAKE_BACK: self._times.take_back}
        return drawn(samples.get(job, self._times.release), self._chance)

    def _end(self, start: Start) -> None:
        kind = self._outcome(start.job)
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        self._active -= 1
        began = time.perf_counter()
        self._engine.tell(start.box, kind)
        self._engine_seconds += time.perf_counter() - began

    def _outcome(self, job: Job) -> Kind:
        if job is Job.PREPARE and self._chance.random() < self._scenario.out_of_reach:
            return Kind.UNREACHABLE
        if job is Job.CHANGE and self._chance.random() < self._scenario.failing:
            return Kind.FAILED
        good = {Job.PREPARE: Kind.READY, Job.CHANGE: Kind.CHANGED, Job.TAKE_BACK: Kind.BACK}
        return good.get(job, Kind.RELEASED)
