"""Load a server with real pictures, and say what it did.

make bench                          the server that `make serve` has started, or one started for this
make bench AGAINST=stock LIMIT=1    beside TorchServe as it comes, and beside the handler without a server
make bench URL=https://gateway HEADER_FILE=token.header    any other; its processor time and memory stay unknown

Everything else that runs on the machine disturbs it. For AGAINST=stock with a network of your own, give the ARCH=,
WEIGHTS=, LABELS= and PREPROCESSING= that `make export` was given.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from common.errors import UsageError
from kit import __version__, console, machine, profiles
from kit.bench import rounds
from kit.bench.load import pictures
from kit.bench.report import figures
from kit.bench.report.page import method, page, setting
from kit.bench.report.progress import steps
from kit.bench.report.tables import tables
from kit.bench.servers import contestants
from kit.bench.servers.ceiling import ceiling
from kit.bench.servers.loaded_server import LoadedServer, served_archive
from kit.files import write_json, write_text
from kit.machine import Machine
from kit.model.source.request import Request
from kit.profiles import Profile
from kit.serving.launch import RunFolder
from kit.signals import as_ctrl_c
from scripts.options import Model

app = typer.Typer(help=__doc__, add_completion=False)
STOCK = "stock"
WIDEST_TABLE = 110  # characters


@app.command(help=__doc__)
def bench(
    against: Annotated[str, typer.Option(envvar="AGAINST", help="`stock`: TorchServe as it comes, beside it.")] = "",
    limit: Annotated[bool, typer.Option("--limit", envvar="LIMIT", help="Add the plain processes' ceiling.")] = False,
    wanted: Annotated[
        str, typer.Option("--pictures", envvar="PICTURES", help="`mixed`, `reference` (640×427, 100 kB), or a file.")
    ] = pictures.MIXED,
    clients: Annotated[str, typer.Option(envvar="CLIENTS", help="Clients of the closed loops.")] = "1,8,32",
    seconds: Annotated[
        float, typer.Option("--duration", envvar="DURATION", min=0.5, help="Seconds that a measurement lasts.")
    ] = 10.0,
    repeats: Annotated[int, typer.Option(envvar="REPEATS", min=1, help="Measurements of each load.")] = 3,
    url: Annotated[str, typer.Option(envvar="URL", help="Inference address; default: the local server's.")] = "",
    header_file: Annotated[
        str, typer.Option(envvar="HEADER_FILE", help="Headers with the inference token, as for curl -H @file.")
    ] = "",
    model: Model = "",
    profile: Annotated[str, typer.Option(envvar="PROFILE", help="Whose server and archive.")] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
) -> None:
    if against not in ("", STOCK):
        raise UsageError(f"AGAINST={against} is not known", f"AGAINST={STOCK}")
    settings = rounds.LoadSettings(client_counts(clients), seconds, repeats)
    here = machine.detect()
    chosen = profiles.choose(profile, here).of_model(model, "MODEL")
    console.step(f"profile {chosen.name}: {chosen.reason}")
    folder = chosen.build.folder / "bench"
    shown = pictures.choose(wanted, folder / "pictures")
    starts, fresh = contestants.own(chosen, here, url, header_file, model)
    if against:
        starts |= contestants.against_stock(chosen, here, folder / "stock", _request())
    # Cold starts are compared only where each server can be had alone on the machine.
    cold = fresh and bool(against)
    with as_ctrl_c(), ExitStack() as stack:  # a signal unwinds, so that no server stays behind
        say = stack.enter_context(steps(rounds.expected_seconds(settings, len(starts), cold, limit)))
        started = rounds.cold_starts(starts, repeats, say) if cold else {}
        up = stack.enter_context(rounds.all_running(starts, say))
        targets = [target for target, _ in up]
        plain = None
        if limit:
            archive = served_archive(RunFolder(chosen.server_build.run), chosen.build)
            plain = stack.enter_context(ceiling(archive, shown.files, here.cores))
        results = rounds.measure_all(targets, plain, shown, settings, say)
        results.starts = started or {target.name: [took] for target, took in up if took}
    document = figures.document(results, settings, _about(chosen, here, targets[0], shown))
    _report(document, folder, figures.headline(settings), as_json)
    if not any(row["answers"] for row in document["loads"] if row["server"] == targets[0].name):
        sys.exit(1)


def client_counts(text: str) -> tuple[int, ...]:
    """`1,8,32` → (1, 8, 32), ascending. Raises UsageError for anything else."""
    words = text.replace(" ", "").split(",")
    if not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"CLIENTS={text} is not a list of numbers", "CLIENTS=1,8,32")
    return tuple(sorted({int(word) for word in words}))


def _request() -> Request:
    """The network, as `make export` was asked for it."""
    given = os.environ
    return Request(
        arch=given.get("ARCH", ""),
        weights=given.get("WEIGHTS", ""),
        weights_key=given.get("WEIGHTS_KEY", ""),
        labels=given.get("LABELS", ""),
        preprocessing=given.get("PREPROCESSING", ""),
    )


def _about(profile: Profile, here: Machine, target: LoadedServer, shown: pictures.PictureSet) -> dict[str, Any]:
    return {
        "model": target.model,
        "profile": profile.name,
        "url": target.url,
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "kit": __version__,
        "machine": {"processor": here.processor, "cores": here.cores, "memory_bytes": here.memory_total},
        "pictures": {
            "name": shown.name,
            "description": shown.description,
            "files": [{"file": path.name, "bytes": path.stat().st_size} for path in shown.files],
        },
    }


def _report(document: dict[str, Any], folder: Path, clients: int, as_json: bool) -> None:
    report = folder / "report.html"
    write_json(folder / "report.json", document)
    write_text(report, page(document, clients))
    if as_json:
        console.step(f"report: {console.shown_path(report)}")
        console.print_json(document)
        return
    # A line that is too long for the terminal is still read more easily than cells broken in two.
    console.out.width = max(console.out.width, WIDEST_TABLE)
    for line in setting(document):
        console.out.print(f"[dim]{escape(line)}[/dim]")
    for table in tables(document):
        drawn = console.table(*table.columns, right=tuple(table.columns[1:]))
        for row in table.rows:
            drawn.add_row(*map(escape, row))
        console.out.print(f"\n[bold]{escape(table.title)}[/bold]")
        console.out.print(drawn)
        for note in table.notes:
            console.out.print(escape(note))
    console.out.print(f"\n[dim]{escape(method(document)[0])}[/dim]")
    console.out.print(f"\n{escape(document['sentence'])}\n{console.shown_path(report)}")


if __name__ == "__main__":
    console.command(app)
