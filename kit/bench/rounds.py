"""The measurements of a run in their order: turn about, so that whatever else the machine does hits all alike.

Every stage (a load) is measured `repeats` times; in each repeat every server has its turn, then the ceiling. Servers
that wait for their turn are up but idle, which costs no processor time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from kit.bench.load.pictures import PictureSet
from kit.bench.load.plan import Load
from kit.bench.measuring import Window, measure
from kit.bench.servers.ceiling import Ceiling
from kit.bench.servers.loaded_server import LoadedServer

# The open loop's rates: of the best a server did in the closed loop. At half, a lone request's own latency shows;
# at 0.8, the queueing of a busy server.
OPEN_SHARES = (0.5, 0.8)
# Java compiles what it has run often, and a worker's first pictures are slow: the load meets that before it counts.
WARM_UP_SECONDS = 2.0

# A rough guess, for the time left.
START_SECONDS = 12.0

Say = Callable[[str, float], None]
"""Told before each step what comes, and how many seconds it will take."""

Start = Callable[[], AbstractContextManager[tuple[LoadedServer, float]]]
"""Starts a server; the figure is the seconds until its first right answer, or 0 for one that was running."""


@dataclass(frozen=True)
class LoadSettings:
    """`clients` of the closed loop, ascending; each of `repeats` windows of a stage lasts `seconds`."""

    clients: tuple[int, ...]
    seconds: float
    repeats: int

    @property
    def warm_up(self) -> float:
        return min(WARM_UP_SECONDS, self.seconds)

    @property
    def stages(self) -> list[Stage]:
        return [*(Stage(clients=count) for count in self.clients), *(Stage(share=share) for share in OPEN_SHARES)]


@dataclass(frozen=True)
class Stage:
    """A load that all servers get: `clients` in a closed loop, or an open loop at a `share` of each one's own best."""

    clients: int = 0
    share: float = 0.0

    def load(self, best: float) -> Load:
        return Load(clients=self.clients) if self.clients else Load(rate=round(self.share * best, 3))


@dataclass
class Results:
    """`windows` by server and stage, a Window for each repeat; so too `ceilings` (pictures a second) by stage."""

    servers: list[str]
    starts: dict[str, list[float]] = field(default_factory=dict)
    windows: dict[tuple[str, Stage], list[Window]] = field(default_factory=dict)
    ceilings: dict[Stage, list[float]] = field(default_factory=dict)

    def throughputs(self, server: str, stage: Stage) -> list[float]:
        return [window.measurement.throughput for window in self.windows.get((server, stage), [])]

    def best(self, server: str) -> float:
        """The highest median throughput of the server's closed loops."""
        return max(
            (statistics.median(self.throughputs(server, stage)) for name, stage in self.windows if name == server),
            default=0.0,
        )


def cold_starts(starts: Mapping[str, Start], repeats: int, say: Say) -> dict[str, list[float]]:
    """Each server started and ended again, turn about and alone on the machine."""
    taken: dict[str, list[float]] = {}
    for repeat in range(repeats):
        for name, start in starts.items():
            say(f"starting {name} alone ({repeat + 1} of {repeats})", START_SECONDS)
            with start() as (_, seconds):
                taken.setdefault(name, []).append(seconds)
    return taken


@contextmanager
def all_running(starts: Mapping[str, Start], say: Say) -> Iterator[list[tuple[LoadedServer, float]]]:
    """Every server up, one started after the other."""
    with ExitStack() as stack:
        up = []
        for name, start in starts.items():
            say(f"starting {name}", START_SECONDS)
            up.append(stack.enter_context(start()))
        yield up


def measure_all(
    targets: Sequence[LoadedServer], ceiling: Ceiling | None, pictures: PictureSet, settings: LoadSettings, say: Say
) -> Results:
    """All the stages."""
    results = Results([target.name for target in targets])
    lasts = settings.warm_up + settings.seconds
    for target in targets:
        say(f"{target.name}: warming up", lasts)
        measure(target, pictures.files, Load(clients=settings.clients[-1]), settings.seconds, settings.warm_up)
    for stage in settings.stages:
        for repeat in range(settings.repeats):
            turn = f"({repeat + 1} of {settings.repeats})"
            for target in targets:
                load = stage.load(results.best(target.name))
                if not (load.clients or load.rate):
                    continue  # it gave no right answer in any closed loop: there is no rate to offer
                say(f"{target.name}: {load.title} {turn}", lasts)
                window = measure(target, pictures.files, load, settings.seconds, settings.warm_up, seed=repeat)
                results.windows.setdefault((target.name, stage), []).append(window)
            if ceiling and stage.clients:
                say(f"plain processes {turn}", lasts)
                results.ceilings.setdefault(stage, []).append(ceiling.measure(settings.seconds, settings.warm_up))
    return results


def expected_seconds(settings: LoadSettings, servers: int, cold: bool, ceiling: bool) -> float:
    """How long all that will take."""
    closed = len(settings.clients) * settings.repeats
    measurements = servers * (1 + closed + len(OPEN_SHARES) * settings.repeats) + closed * ceiling
    started = servers * (1 + settings.repeats * cold)
    return measurements * (settings.warm_up + settings.seconds) + started * START_SECONDS
