"""The models of a running server, changed without a failed request; and a candidate compared with what serves.

make reload [PROFILE=…]      make shadow [MODEL=…] [SHARE=10]      make promote [MODEL=…]      make drop [MODEL=…]
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from common import json_lines
from common.errors import KitError
from common.words import count
from kit import console, machine, profiles
from kit.machine import Machine
from kit.model.source.request import Request
from kit.profiles import Profile
from kit.serving import lifecycle, state
from kit.serving.launch import RunFolder
from kit.serving.models import changing
from kit.serving.models.changing import Changing
from kit.serving.shadow import candidate, verdict
from kit.serving.shadow.candidate import Candidate
from kit.serving.shadow.verdict import Figures
from kit.serving.state import ServerState
from scripts import options

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
NONE = "make archive MODEL_VERSION=<another> makes one, make shadow begins"


@contextmanager
def _running(profile: str, doing: str) -> Iterator[tuple[Profile, Machine, RunFolder, ServerState]]:
    """The server that runs, for this command alone. Raises KitError when there is none."""
    here = machine.detect()
    chosen = profiles.choose(profile, here)
    run = RunFolder(chosen.server_build.run)
    with state.locked(run, doing):
        server = state.running(run)
        if not server:
            raise KitError("no server is running", "start one: make serve")
        yield chosen, here, run, server


@app.command()
def reload(profile: options.Profile = "") -> None:
    """Serve what the profile lists, and what was archived last: models added, taken away, and new versions of them."""
    with _running(profile, "reload") as (chosen, here, run, server):
        server = changing.retire(run, server, console.step)
        wanted = lifecycle.plan_models(chosen, here)
        changes = changing.between(server.models, wanted.models)
        if changes.words:
            server = changing.apply(wanted, server, changes, here, console.step)
    console.out.print(f"{changes.words or 'nothing has changed'}. It serves {server.words}")


@app.command()
def shadow(
    profile: options.Profile = "",
    model: options.Model = "",
    share: Annotated[
        float,
        typer.Option(envvar="SHARE", min=0.1, max=100, help="Per cent of the pictures that it is asked, too."),
    ] = 10.0,
    min_agreement: options.MinAgreement = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
) -> None:
    """Load what was archived last beside what serves, and compare them on real pictures; then say how it does."""
    _, least_agreement = Request(min_agreement=min_agreement).limits()
    with _running(profile, "shadow") as (chosen, here, run, server):
        served = server.named(model)
        found = candidate.read(run, served.name)
        if not found:
            wanted = lifecycle.plan_models(chosen.of_model(served.name, "MODEL"), here)
            found = changing.shadow(wanted, server, share / 100, here, console.step)
    told = json_lines.read(candidate.rows(run, served.name))
    _show(found, verdict.figures(told), least_agreement, as_json)


def _show(found: Candidate, figures: Figures, least_agreement: float, as_json: bool) -> None:
    said, why = verdict.verdict(figures, least_agreement)
    if as_json:
        share, low, high = figures.agreement
        console.print_json(
            {
                "model": found.model.name,
                "serving": found.beside,
                "candidate": found.model.version,
                "share": found.share,
                "since": found.since,
                **asdict(figures),
                "agreement": {"share": share, "low": low, "high": high},
                "verdict": said,
                "because": why,
            }
        )
        return
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.since))
    console.out.print(
        f"{found.model} beside {found.beside} since {since}, asked about {100 * found.share:g} % of the pictures"
    )
    if figures.pictures:
        console.out.print(_table(found, figures))
    reasons = "".join(f"\n  {sentence}" for sentence in why)
    console.out.print(f"verdict: {said}{f' as {found.beside}' if said != verdict.UNKNOWN else ''}{reasons}")


def _table(found: Candidate, figures: Figures) -> Any:
    share, low, high = (100 * part for part in figures.agreement)
    versions = found.beside, found.model.version
    table = console.table(count(figures.pictures, "picture"), *versions, right=versions)
    for what, pair, scale, unit in (
        ("in the handler, half of them within", figures.p50, 1000, " ms"),
        ("95 % of them within", figures.p95, 1000, " ms"),
        ("sure of the first answer, on average", figures.confidence, 1, ""),
    ):
        table.add_row(what, *(f"{scale * value:.{1 if unit else 2}f}{unit}" for value in pair))
    table.add_row("the same first answer", "", f"{share:.1f} % ({low:.1f} to {high:.1f})")
    table.add_row("no answer", "", str(figures.unanswered))
    return table


@app.command()
def promote(profile: options.Profile = "", model: options.Model = "") -> None:
    """The candidate serves, and what served is taken away."""
    with _running(profile, "promote") as (chosen, here, run, server):
        found = _candidate(run, server, model)
        wanted = lifecycle.plan_models(chosen, here)
        changes = changing.between(server.models, wanted.models)
        if changes.added or changes.removed or [one.served for one in changes.renewed] != [found.model]:
            words = changes.words or "what was archived last is what serves"
            raise KitError(f"more was changed than {found.model}: {words}", "make reload takes in all of it")
        server = changing.apply(wanted, server, changes, here, console.step)
    console.out.print(f"it serves {server.words}")


@app.command()
def drop(profile: options.Profile = "", model: options.Model = "") -> None:
    """The candidate is taken away; what serves was never touched."""
    with _running(profile, "drop") as (_, _, run, server):
        found = _candidate(run, server, model)
        changing.drop_candidate(Changing(run, server, console.step), found.model.name)
    console.out.print(f"{found.model} is no candidate any more. It serves {server.words}")


def _candidate(run: RunFolder, server: ServerState, model: str) -> Candidate:
    """Raises KitError when there is none."""
    served = server.named(model)
    if not (found := candidate.read(run, served.name)):
        raise KitError(f"{served} has no candidate beside it", NONE)
    return found


if __name__ == "__main__":
    console.command(app)
