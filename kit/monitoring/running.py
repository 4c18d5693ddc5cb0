"""Prometheus and Alertmanager, for as long as somebody looks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from common.errors import KitError
from kit.monitoring import packages
from kit.monitoring.packages import Package

READY_SECONDS, END_SECONDS = 60.0, 20.0
POLL_SECONDS = 0.1


def prometheus(folder: Path, listen: str) -> list[str]:
    """The command; `listen` is `host:port`."""
    return [
        str(packages.find(packages.PROMETHEUS) / packages.PROMETHEUS.program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={listen}",
        "--log.level=warn",
    ]


def alertmanager(folder: Path, listen: str) -> list[str]:
    return [
        str(packages.find(packages.ALERTMANAGER) / packages.ALERTMANAGER.program),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address={listen}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


@contextmanager
def running(folder: Path, prometheus_at: str, alertmanager_at: str) -> Iterator[Callable[[], Package | None]]:
    """Both, until the block ends; what is yielded says which of them has ended meanwhile. Raises KitError when one does
    not start."""
    with ExitStack() as stack:
        started = [
            (package, stack.enter_context(_process(command, folder / f"{package.name}.log")), at)
            for package, command, at in (
                (packages.ALERTMANAGER, alertmanager(folder, alertmanager_at), alertmanager_at),
                (packages.PROMETHEUS, prometheus(folder, prometheus_at), prometheus_at),
            )
        ]
        for package, process, at in started:
            _wait(package, process, at, folder / f"{package.name}.log")
        yield lambda: next((package for package, process, _ in started if process.poll() is not None), None)


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(package: Package, process: subprocess.Popen[bytes], at: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://{at}/-/ready", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_SECONDS)
    said = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    raise KitError(f"{package.name} does not start: {said or 'it says no reason'}", f"the rest is in {log}")
