"""The keys that this machine's gateways take: one a client, made, listed, revoked.

make key NAME=till-7 [RATE=20/s] >till-7.header      make keys [JSON=1]      make key REVOKE=till-7
"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from common.errors import UsageError
from common.gateway import keys
from kit import console
from kit.gateway import places

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.command()
def key(
    name: Annotated[str, typer.Option("--name", envvar="NAME", help="Make a key for the client of this name.")] = "",
    revoke: Annotated[str, typer.Option("--revoke", envvar="REVOKE", help="End the key of this name.")] = "",
    rate: Annotated[
        str, typer.Option("--rate", envvar="RATE", help="How often it may ask, like 20/s or 600/m; default: no limit.")
    ] = "",
) -> None:
    """Make a key, and print it this once as a header; or revoke one. Either counts within a second."""
    if bool(name) == bool(revoke):
        raise UsageError("say which key", "make key NAME=till-7 makes one, make key REVOKE=till-7 ends one")
    if revoke:
        keys.revoke(places.keys(), revoke)
        console.out.print(f"{revoke} is revoked: within a second it gets HTTP 401")
        return
    made = keys.add(places.keys(), name, keys.rate(rate))
    # Not through rich, which would break a long line: this is for a file.
    typer.echo(f"Authorization: Bearer {made}")
    console.step(f"the key of {name}; it is kept nowhere, so this is the only time that it can be read")


@app.command(name="list")
def list_(as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document.")] = False) -> None:
    """Every key: its name, when it was made and last used."""
    found = keys.read(places.keys())
    if as_json:
        console.print_json(
            {
                "keys": [
                    {
                        "name": one.name,
                        "made": one.made,
                        "last_used": one.used or None,
                        "rate": str(one.rate) if one.rate else None,
                    }
                    for one in found
                ]
            }
        )
        return
    if not found:
        console.out.print("no keys; make one: make key NAME=till-7")
        return
    table = console.table("name", "made", "last used", "rate")
    for one in found:
        table.add_row(one.name, _day(one.made), _hour(one.used) if one.used else "never", str(one.rate or "no limit"))
    console.out.print(table)


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _hour(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


if __name__ == "__main__":
    console.command(app)
