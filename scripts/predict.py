"""Ask the running server what is in a picture.

make predict IMAGE=photo.jpg
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from common.errors import KitError, Unreachable, UsageError
from common.server.torchserve import Inference
from kit import console, golden, machine, profiles
from kit.serving import state
from kit.serving.launch import RunFolder

app = typer.Typer(help=__doc__, add_completion=False)
BAR = 24


@app.command()
def predict(
    image: Annotated[
        str, typer.Option("--image", envvar="IMAGE", help="A picture; default: one of the golden pictures.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", envvar="PROFILE", help="Whose server to ask.")] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="The server's own answer.")] = False,
) -> None:
    """Print the best labels and their probabilities."""
    build = profiles.choose(profile, machine.detect()).build
    run = RunFolder(build.run)
    server = state.running(run)
    if not server:
        raise KitError("no server is running", "start one: make serve")
    picture = Path(image) if image else golden.load(build.golden, "make archive")[0].picture
    try:
        content = picture.read_bytes()
    except OSError as error:
        raise UsageError(f"IMAGE={image} cannot be read: {error.strerror}") from None
    begun = time.monotonic()
    try:
        answer = Inference(server.inference, run.inference_header).predict(server.model, content)
    except Unreachable as error:
        raise KitError(error.message, "make status, make logs") from None
    milliseconds = (time.monotonic() - begun) * 1000
    if as_json:
        console.print_json(answer)
        return
    console.out.print(f"[bold]{escape(picture.name)}[/bold] in {milliseconds:.0f} ms")
    table = console.table("label", "", "probability", right=("probability",))
    for label, probability in answer.items():
        table.add_row(escape(label), "█" * round(probability * BAR), f"{probability:.1%}")
    console.out.print(table)


if __name__ == "__main__":
    console.command(app)
