"""The keys that gateways take: one a client, made, listed, revoked; of this machine, or of boxes.

make key NAME=till-7 [RATE=20/s] [MODELS=shelf] >till-7.header      make keys [JSON=1]      make key REVOKE=till-7
make key NAME=till-7 FLEET=fleet.yaml >till-7.header      make keys FLEET=fleet.yaml      make key REVOKE=till-7 HOSTS=…
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from common.errors import KitError, UsageError
from common.gateway import keys
from kit import console
from kit.fleet.gateway import client_keys
from kit.fleet.gateway.client_keys import Changes
from kit.fleet.host import gateways
from kit.fleet.host.survey import Answer
from kit.fleet.rollout.workspace import find
from kit.gateway import places
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
AGAIN = "it gets that with the next make keys, make key or make deploy"


@app.command()
def key(
    name: Annotated[str, typer.Option("--name", envvar="NAME", help="Make a key for the client of this name.")] = "",
    revoke: Annotated[str, typer.Option("--revoke", envvar="REVOKE", help="End the key of this name.")] = "",
    rate: Annotated[
        str, typer.Option("--rate", envvar="RATE", help="How often it may ask, like 20/s or 600/m; default: no limit.")
    ] = "",
    models: Annotated[
        str, typer.Option("--models", envvar="MODELS", help="The models that it may ask, like a,b; default: all.")
    ] = "",
    fleet: FleetFile = "",
    hosts: Hosts = "",
) -> None:
    """Make a key, and print it this once as a header; or revoke one. Either counts within a second."""
    if bool(name) == bool(revoke):
        raise UsageError("say which key", "make key NAME=till-7 makes one, make key REVOKE=till-7 ends one")
    on_boxes, limit, wanted, well = bool(fleet or hosts), keys.rate(rate), keys.models(models), True
    if revoke:
        if on_boxes:
            well = _send(fleet, hosts, Changes(revoke=(revoke,)))
        else:
            keys.revoke(places.keys(), revoke)
            console.out.print(f"{revoke} is revoked: within a second it gets HTTP 401")
        sys.exit(0 if well else 1)
    if on_boxes:
        made, row = keys.new(name, limit, wanted)
        well = _send(fleet, hosts, Changes(add={keys.sha256(made): row}))
    else:
        made = keys.add(places.keys(), name, limit, wanted)
    # Not through rich, which would break a long line: this is for a file.
    typer.echo(f"Authorization: Bearer {made}")
    console.step(f"the key of {name}; it is kept nowhere, so this is the only time that it can be read")
    sys.exit(0 if well else 1)


def _send(fleet: str, hosts: str, changes: Changes) -> bool:
    """To every box; False when one did not take it now. Raises KitError when none did, or ever will."""
    workspace, somewhere = find(fleet, hosts), False
    answers = gateways.change_keys(workspace.links(), changes, workspace.fleet.parallel)
    for answer in answers:
        waits = client_keys.unsent(places.unsent(), answer.box) != Changes()
        said = f"{answer.error}; {AGAIN}" if waits else answer.error
        console.step(f"{answer.box}: {said or '; '.join(answer.said['changed']) or 'as it was'}")
        somewhere |= waits or bool(answer.said.get("changed"))
    if not somewhere:
        raise KitError(
            "nothing was changed on any box", "make keys with the same FLEET= or HOSTS= lists what they have"
        )
    return not any(answer.error for answer in answers)


@app.command(name="list")
def list_(
    fleet: FleetFile = "",
    hosts: Hosts = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document.")] = False,
) -> None:
    """Every key: its name, when it was made and last used."""
    if fleet or hosts:
        workspace = find(fleet, hosts)
        answers = gateways.list_keys(workspace.links(), workspace.fleet.parallel)
        _show_boxes(answers, as_json)
        sys.exit(1 if any(answer.error for answer in answers) else 0)
    found = [_row(one.name, one.made, one.used, str(one.rate or ""), one.models) for one in keys.read(places.keys())]
    if as_json:
        console.print_json({"keys": found})
    elif found:
        console.out.print(_table([("", row) for row in found]))
    else:
        console.out.print("no keys; make one: make key NAME=till-7")


def _row(name: str, made: float, used: float, rate: str, models: Sequence[str] = ()) -> dict[str, Any]:
    return {"name": name, "made": made, "last_used": used or None, "rate": rate or None, "models": list(models) or None}


def _show_boxes(answers: Sequence[Answer], as_json: bool) -> None:
    rows = {answer.box: [_row(**row) for row in answer.said.get("keys") or ()] for answer in answers}
    if as_json:
        errors = {answer.box: answer.error for answer in answers}
        console.print_json(
            {"boxes": [{"box": box, "keys": found, "error": errors[box]} for box, found in rows.items()]}
        )
        return
    console.out.print(_table([(box, row) for box, found in rows.items() for row in found], boxes=True))
    for answer in answers:
        if answer.error:
            console.step(f"{answer.box}: {answer.error}")


def _table(rows: Sequence[tuple[str, dict[str, Any]]], boxes: bool = False) -> Any:
    table = console.table(*(["box"] if boxes else []), "name", "made", "last used", "rate", "models")
    for box, row in rows:
        used = _time(row["last_used"], "%Y-%m-%d %H:%M") if row["last_used"] else "never"
        limits = row["rate"] or "no limit", ", ".join(row["models"] or ["all"])
        cells = (row["name"], _time(row["made"], "%Y-%m-%d"), used, *limits)
        table.add_row(*([box] if boxes else []), *cells)
    return table


def _time(seconds: float, shape: str) -> str:
    return time.strftime(shape, time.localtime(seconds))


if __name__ == "__main__":
    console.command(app)
