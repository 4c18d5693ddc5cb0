"""What a server, or a fleet, did over time: one page with pictures, and its figures as JSON and CSV.

make report [SINCE=7d] [PROFILE=…]
make report FLEET=fleet.yaml [SINCE=7d] [OUT=folder]
make report PROMETHEUS=http://127.0.0.1:9090 [FLEET=fleet.yaml]      what Prometheus has scraped
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from common.errors import KitError
from common.watch import endpoint
from common.watch.record import reading
from common.watch.record.reading import Record
from kit import console, machine, profiles
from kit.build import default_build_root
from kit.client.elsewhere import address, read_headers
from kit.fleet.host import records
from kit.fleet.rollout.workspace import Workspace, find
from kit.report import copies, files, page
from kit.report import since as time_span
from kit.report.document import Source, document
from kit.report.prometheus import Prometheus
from kit.serving.launch import RunFolder
from scripts import options
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, add_completion=False)


@app.command()
def main(
    profile: options.Profile = "",
    fleet: FleetFile = "",
    hosts: Hosts = "",
    since: Annotated[str, typer.Option(envvar="SINCE", help="How far back: 90m, 36h, 7d, 2w.")] = "7d",
    out: Annotated[str, typer.Option(envvar="OUT", help="The folder for its files; default: build/…/report.")] = "",
    prometheus: Annotated[
        str, typer.Option(envvar="PROMETHEUS", help="Prometheus's URL, in place of the servers' own records.")
    ] = "",
    header_file: Annotated[
        str, typer.Option(envvar="HEADER_FILE", help="Headers that Prometheus wants, as for curl -H @file.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
) -> None:
    """Read what was recorded, work it out, draw it."""
    seconds = time_span.seconds(since)
    if prometheus:
        at = Prometheus(address("PROMETHEUS", prometheus), read_headers("HEADER_FILE", header_file))
        title, sources, folder = _scraped(at, find(fleet, hosts) if fleet or hosts else None, seconds)
    elif fleet or hosts:
        title, sources, folder = _fleet(find(fleet, hosts), seconds)
    else:
        title, sources, folder = _here(profile, seconds)
    if not any(source.record.minutes for source in sources):
        why = "; ".join(f"{source.name}: {source.error}" for source in sources if source.error)
        raise KitError(
            f"nothing was recorded in the last {since}" + (f" ({why})" if why else ""),
            "make serve keeps a record, and so does a box; or look further back: SINCE=30d",
        )
    told = document(sources, seconds, time.time())
    folder = Path(out).resolve() if out else folder
    files.write(folder, told, page.page(told, title))
    for source in sources:
        if source.error:
            before = "; what is drawn of it was fetched before" if source.record.minutes else ""
            console.step(f"{source.name}: {source.error}{before}")
    if as_json:
        console.print_json(told)
    else:
        console.out.print(page.sentence(told, title))
        console.facts(
            {
                "page": console.shown_path(folder / files.PAGE),
                "figures": f"{console.shown_path(folder / files.JSON)}, {files.CSV}",
            }
        )


def _here(profile: str, seconds: float) -> tuple[str, list[Source], Path]:
    chosen = profiles.choose(profile, machine.detect())
    endpoint.flush(RunFolder(chosen.server_build.run).metrics_socket)
    record = reading.read(chosen.server_build.record, time.time() - seconds)
    return (
        f"Profile {chosen.name} on this machine",
        [Source(chosen.name, record)],
        chosen.server_build.folder / "report",
    )


def _fleet(workspace: Workspace, seconds: float) -> tuple[str, list[Source], Path]:
    kept = workspace.records
    answers = records.fetch(workspace.links(), kept, workspace.fleet.parallel)
    since = time.time() - seconds
    sources = [Source(one.box, reading.read(copies.path(kept, one.box), since), one.error) for one in answers]
    return f"Fleet {workspace.fleet.name}", sources, workspace.folder / "report"


def _scraped(at: Prometheus, workspace: Workspace | None, seconds: float) -> tuple[str, list[Source], Path]:
    """Of a fleet each of its boxes; with none all that there is."""
    now = time.time()
    found = at.records(now - seconds, now, time_span.step(seconds), workspace.fleet.name if workspace else "")
    if not workspace:
        sources = [Source("/".join(word for word in who if word), record) for who, record in found.items()]
        return "As Prometheus has it", sources, default_build_root() / "report"
    by_box = {box: record for (_, box), record in found.items()}
    nothing = Record([], [])
    sources = [
        Source(box.name, by_box.get(box.name, nothing), "" if box.name in by_box else "Prometheus has nothing of it")
        for box in workspace.fleet.boxes
    ]
    return f"Fleet {workspace.fleet.name}, as Prometheus has it", sources, workspace.folder / "report"


if __name__ == "__main__":
    console.command(app)
