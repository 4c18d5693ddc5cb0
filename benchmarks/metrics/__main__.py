"""python -m benchmarks.metrics [ROUNDS [SECONDS]]

The profile's archive has to be there. Two servers of it take turns, each round in another order, so that a ratio is of
one round: the kit's own, watched as `make serve` has it watched, and one whose workers record nothing and that nobody
watches. Eight clients ask for the reference photograph.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from kit import machine, profiles
from kit.bench.load import pictures
from kit.bench.load.plan import Load
from kit.bench.measuring import measure
from kit.bench.servers.loaded_server import LoadedServer, of_state
from kit.machine import Machine
from kit.profiles import Profile
from kit.serving import launch, lifecycle, watching
from kit.serving.launch import RunFolder
from kit.serving.ports import addresses, free_ports
from kit.serving.proving import proved_server

CLIENTS = 8
WARM_UP = 1.0
# In the workers' own program: what records, and what takes its place.
RECORDS = {
    "serving.py": ("self._record(message, codes, arrived, perf_counter() - begun)", "pass"),
    "context.py": ("return None if self._batch[idx].is_probe else self._row", "return None"),
}


def without_records(folder: Path) -> Path:
    """A copy of the workers' program that measures nothing."""
    worker = folder / launch.WORKER.name
    shutil.copytree(launch.WORKER, worker)
    for name, (records, instead) in RECORDS.items():
        text = (worker / name).read_text(encoding="utf-8")
        assert text.count(records) == 1, f"{name} is not as this benchmark knows it"
        (worker / name).write_text(text.replace(records, instead), encoding="utf-8")
    return worker


@contextmanager
def served(profile: Profile, here: Machine, name: str, folder: Path, worker: Path | None) -> Iterator[LoadedServer]:
    """On ports of its own; with a `worker` of another folder it is not watched."""
    os.environ |= {f"TS_{key.upper()}": value for key, value in addresses(free_ports()).items()}
    wanted = replace(lifecycle.plan(profile, here), run=RunFolder(folder / "run"))
    wanted.run.folder.mkdir(parents=True, mode=0o700)
    own, launch.WORKER = launch.WORKER, worker or launch.WORKER
    with ExitStack() as stack:
        try:
            proved = stack.enter_context(proved_server(wanted, lambda _: None))
        finally:
            launch.WORKER = own
        if worker is None:
            watching.start(wanted, proved.server)
        yield of_state(name, proved.server, wanted.run)


def main(rounds: str = "10", seconds: str = "5") -> None:
    here, lasts = machine.detect(), float(seconds)
    profile = profiles.choose("onprem", here)
    shown = pictures.choose(pictures.REFERENCE_ONLY, profile.build.folder / "bench" / "pictures")
    load, ratios = Load(clients=CLIENTS), []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        one, other = Path(folder) / "a", Path(folder) / "b"
        plain = stack.enter_context(served(profile, here, "plain", one, without_records(one)))
        measured = stack.enter_context(served(profile, here, "measured", other, None))
        for target in (plain, measured):
            measure(target, shown.files, load, 3 * lasts, WARM_UP)
        for number in range(int(rounds)):
            order = [plain, measured] if number % 2 else [measured, plain]
            got = {one.name: measure(one, shown.files, load, lasts, WARM_UP).measurement.throughput for one in order}
            ratios.append(got["measured"] / got["plain"])
            print(f"{got['plain']:.1f}/s plain, {got['measured']:.1f}/s measured: x {ratios[-1]:.3f}", flush=True)
    spread = f"{min(ratios):.3f} - {max(ratios):.3f}"
    print(f"{here.processor}: throughput of {CLIENTS} clients x {statistics.median(ratios):.3f} ({spread})")


if __name__ == "__main__":
    main(*sys.argv[1:])
