"""How a roll-out behaves on fleets that nobody has yet: the real wave engine on a virtual clock.

simulate               the table, and the picture with --picture FILE.svg (`make fleet-scale`)
record ROLLOUT.jsonl…  step times from real roll-outs' records (build/fleet/<fleet>/)
measure ADDRESS        what this machine pays for ssh and rsync, to a box that it reaches
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.fleet_scale import costs, report, times
from benchmarks.fleet_scale.world import Scenario, World, limits
from common.errors import UsageError
from kit import console

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)
SIZES = (10, 40, 100, 1000, 10000)
PARALLEL = (16, 64, 256)


@app.command()
def simulate(
    how: Annotated[str, typer.Option(help="How boxes change: first, restart or hot, as recorded.")] = "restart",
    megabytes: Annotated[float, typer.Option(help="What each box is sent, MB.")] = 45.0,
    link: Annotated[float, typer.Option(help="A box's link, Mbit/s.")] = 10.0,
    uplink: Annotated[float, typer.Option(help="The workstation's uplink, Mbit/s.")] = 1000.0,
    cores: Annotated[int, typer.Option(help="The workstation's cores.")] = 2,
    curve25519: Annotated[bool, typer.Option(help="With the cheap key exchange, not OpenSSH's default.")] = False,
    picture: Annotated[str, typer.Option(help="Draw it into this .svg or .png.")] = "",
) -> None:
    """Roll-outs over 10 to 10,000 boxes, and where the workstation becomes the limit."""
    base = Scenario(0, 0, how, megabytes * 1e6, link * 1e6 / 8, uplink * 1e6 / 8, cores=cores)
    paid = costs.read()
    if curve25519:
        paid = replace(paid, connection=paid.curve25519)
    recorded = times.read()
    if how not in recorded.changes:
        raise UsageError(f"no change was recorded as {how!r}", f"--how {' or '.join(recorded.changes)}")
    scenarios = [replace(base, boxes=boxes, parallel=parallel) for parallel in PARALLEL for boxes in SIZES]
    results = [World(scenario, recorded, paid).run() for scenario in scenarios]
    sys.stdout.write(report.markdown(results) + "\n\n")
    for limit, boxes in limits(base, recorded, paid).items():
        sys.stdout.write(f"{limit}: {boxes:,.0f} boxes an hour at most\n")
    if picture:
        report.draw(results, Path(picture))


@app.command()
def record(
    rollouts: Annotated[list[Path], typer.Argument(help="Records of roll-outs: build/fleet/<fleet>/rollout.jsonl.")],
    recorded: Annotated[str, typer.Option(help="How and where they were made, for readers.")],
) -> None:
    """Collect step times from real roll-outs."""
    document = times.collect(rollouts, recorded)
    times.FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


@app.command()
def measure(
    address: Annotated[str, typer.Argument(help="Anything that ssh reaches and that has rsync; SSH_CONFIG counts.")],
    measured: Annotated[str, typer.Option(help="On what, for readers.")],
) -> None:
    """Measure what the workstation pays for each connection, byte and box."""
    document = costs.measure(address, os.environ.get("SSH_CONFIG", ""), measured)
    costs.FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    console.command(app)
