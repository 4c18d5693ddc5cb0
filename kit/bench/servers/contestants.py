"""The servers of a run, each as something that can be started: the profile's own first, then the stock ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from common.errors import KitError
from kit import golden
from kit.bench.rounds import Start
from kit.bench.servers import own_server, stock
from kit.bench.servers.loaded_server import LoadedServer, elsewhere
from kit.machine import Machine
from kit.model.source.request import Request
from kit.profiles import Profile

# Proportional memory of TorchServe's own (measured, 2 cores, ResNet18).
STOCK_JAVA_BYTES = 204 << 20
STOCK_WORKER_BYTES = 618 << 20


def own(profile: Profile, machine: Machine, url: str, header_file: str, model: str) -> tuple[dict[str, Start], bool]:
    """The server to be measured, and whether it is started for that: at `url`, or running here, or started.

    Raises UsageError for an address or a header file that cannot be right.
    """
    if url:
        return {
            own_server.NAME: partial(_up, elsewhere(own_server.NAME, url, header_file, model, profile.build))
        }, False
    if running := own_server.found(profile):
        return {own_server.NAME: partial(_up, running)}, False
    return {own_server.NAME: partial(own_server.started, profile, machine)}, True


@contextmanager
def _up(target: LoadedServer) -> Iterator[tuple[LoadedServer, float]]:
    """A server that runs already, and goes on running."""
    yield target, 0.0


def against_stock(profile: Profile, machine: Machine, folder: Path, request: Request) -> dict[str, Start]:
    """The stock servers, with their archive made in `folder`. Raises KitError when they do not fit into memory."""
    workers = len(machine.gpus) or machine.cores
    needed = len(stock.VARIANTS) * (STOCK_JAVA_BYTES + workers * STOCK_WORKER_BYTES)
    if needed > machine.memory_available:
        raise KitError(
            f"the stock servers need about {needed >> 20} MB, and {machine.memory_available >> 20} MB are free",
            "free some memory, or omit AGAINST=stock",
        )
    from kit.bench.servers import stock_archive  # imports torch, which takes seconds

    picture = golden.load(profile.build.golden, f"make archive {profile.variables}")[0].picture
    store = folder / "model-store"
    archive, right = stock_archive.make(request, profile.build, picture, store)
    servers: Mapping[str, stock.StockServer] = {
        variant.name: stock.StockServer(variant, profile, folder / str(number), store, archive, right, workers)
        for number, variant in enumerate(stock.VARIANTS)
    }
    return {name: server.running for name, server in servers.items()}
