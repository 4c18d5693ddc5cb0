"""python -m benchmarks.front_ends MOSEC [ROUNDS [SECONDS]]

MOSEC is a folder made with `uv pip install --target MOSEC mosec==0.9.8`: it is no part of the kit. The profile's
archive has to be there. Servers take turns of SECONDS with 8 clients, each round in another order, and the plain
processes with them; a ratio is of one round, and the median and range of all are printed. The reference photograph is
asked for.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from common.errors import KitError
from kit import machine, processes, profiles
from kit.bench.load import pictures
from kit.bench.load.plan import Load
from kit.bench.measurement import Measurement
from kit.bench.measuring import measure
from kit.bench.servers import own_server
from kit.bench.servers.ceiling import ceiling
from kit.bench.servers.loaded_server import LoadedServer, served_archive
from kit.build import PROJECT
from kit.serving.launch import RunFolder
from kit.serving.ports import free_ports

CLIENTS = 8
WARM_UP = 1.0
START_SECONDS, END_SECONDS = 60.0, 20.0


@contextmanager
def mosec(packages: Path, archive: Path, model: str, workers: int) -> Iterator[LoadedServer]:
    """The archive's handler behind it, with as many workers. Raises KitError when it does not start."""
    port = free_ports()[0]
    with tempfile.TemporaryDirectory(prefix="vision-mosec-") as folder:
        with zipfile.ZipFile(archive) as mar:
            mar.extractall(folder)
        own = {"FOLDER": folder, "WORKERS": str(workers), "ROUTE": f"/predictions/{model}", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.front_ends.mosec_server", "--address", "127.0.0.1", "--port", str(port)],
            cwd=PROJECT,
            env=os.environ | own | {"PYTHONPATH": str(packages), "PYTHONUSERBASE": str(packages)},  # for its program
        )
        try:
            target = LoadedServer("mosec", f"http://127.0.0.1:{port}", model, {}, process.pid)
            _wait(process, target.url)
            yield target
        finally:
            members = processes.family(process.pid)
            process.terminate()
            process.wait(END_SECONDS)
            for one in psutil.wait_procs(members, timeout=END_SECONDS)[1]:
                one.kill()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=5.0)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise KitError("mosec does not start; see its output above")


def middle(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} - {max(values):.{digits}f})"


def report(taken: dict[str, list[Measurement]], plain: list[float]) -> None:
    print(f"plain processes: {middle(plain, 0)} answers/s")
    for name, rows in taken.items():
        ratios = [row.throughput / most for row, most in zip(rows, plain, strict=True)]
        words = [
            f"{middle([row.throughput for row in rows], 0)} answers/s",
            f"{middle(ratios, 2)} of the plain",
            f"p50 {middle([row.p50 for row in rows], 0)} ms",
            f"p99 {middle([row.p99 for row in rows], 0)} ms",
            f"p99/p50 {middle([row.p99 / row.p50 for row in rows], 1)}",
            f"{sum(row.errors for row in rows)} errors",
        ]
        print(f"{name}: {', '.join(words)}")
    kit, other = (taken[name] for name in taken)
    against = [one.throughput / two.throughput for one, two in zip(kit, other, strict=True)]
    print(f"this kit, of mosec: {middle(against, 2)}")


def main(packages: str, rounds: str = "10", seconds: str = "4") -> None:
    here, lasts = machine.detect(), float(seconds)
    chosen = profiles.choose("onprem", here)
    shown = pictures.choose(pictures.REFERENCE_ONLY, chosen.build.folder / "bench" / "pictures")
    with own_server.started(chosen, here) as (kit, _):
        archive = served_archive(RunFolder(chosen.build.run), chosen.build)
        with (
            mosec(Path(packages), archive, kit.model, here.cores) as other,
            ceiling(archive, shown.files, here.cores) as plain,
        ):
            targets = [kit, other]
            for target in targets:
                measure(target, shown.files, Load(clients=CLIENTS), 3 * lasts, WARM_UP)
            taken: dict[str, list[Measurement]] = {target.name: [] for target in targets}
            most = []
            for number in range(int(rounds)):
                for target in targets if number % 2 else reversed(targets):
                    window = measure(target, shown.files, Load(clients=CLIENTS), lasts, WARM_UP, seed=number)
                    taken[target.name].append(window.measurement)
                most.append(plain.measure(lasts, WARM_UP))
    report(taken, most)


if __name__ == "__main__":
    main(*sys.argv[1:])
