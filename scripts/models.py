"""The models of a running server, changed without a failed request.

make reload [PROFILE=…]
"""

from __future__ import annotations

import typer

from common.errors import KitError
from kit import console, machine, profiles
from kit.serving import lifecycle, state
from kit.serving.launch import RunFolder
from kit.serving.models import changing
from scripts import options

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@app.callback()
def models() -> None:
    pass


@app.command()
def reload(profile: options.Profile = "") -> None:
    """Serve what the profile lists, and what was archived last: models added, taken away, and new versions of them."""
    here = machine.detect()
    chosen = profiles.choose(profile, here)
    run = RunFolder(chosen.server_build.run)
    with state.locked(run, "reload"):
        server = state.running(run)
        if not server:
            raise KitError("no server is running", "start one: make serve")
        wanted = lifecycle.plan_models(chosen, here)
        changes = changing.between(server.models, wanted.models)
        if changes.words:
            server = changing.apply(wanted, server, changes, here, console.step)
    console.out.print(f"{changes.words or 'nothing has changed'}. It serves {server.words}")


if __name__ == "__main__":
    console.command(app)
