"""Ask a server what is in a picture, or in many.

make predict IMAGE=photo.jpg
make predict IMAGE=photos/ OUT=answers.csv      a folder, a list.txt, or a pattern like 'photos/*.jpg'
make predict IMAGE=photos/ URL=https://shelf-01:8443 HEADER_FILE=shelf-01.header

Many are asked at once, as many as the server takes. Each gets a row, in CSV or JSON lines; where the folders have the
labels' names, the accuracy is told. Stopped or failed, the same command goes on where it was. Exit status 1 when a
picture has no answer.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from common.errors import KitError, Unreachable, UsageError
from common.server.torchserve import Inference, Management
from common.words import count
from kit import console, golden, machine, profiles
from kit.batch import inputs, results
from kit.batch.accuracy import Accuracy, accuracy
from kit.batch.results import Journal, Row
from kit.batch.running import ask_all
from kit.build import Build
from kit.client.elsewhere import address, model_name, read_headers
from kit.files import read_json
from kit.profiles import Profile
from kit.serving import state
from kit.serving.launch import RunFolder
from scripts.options import Model

app = typer.Typer(help=__doc__, add_completion=False)
BAR = 24
# At once: of a server whose workers are known two for each picture that they can have in hand; else up to so many.
ELSEWHERE, ELSEWHERE_FIRST = 32, 4
MOST = 64
SHOWN_ERRORS, SHOWN_LABELS = 5, 5


@dataclass(frozen=True)
class Server:
    """`asked` is what an answer depends on; `first` and `most`: requests at once."""

    api: Inference
    model: str
    asked: dict[str, str]
    first: int
    most: int


@app.command(help=__doc__)
def predict(
    image: Annotated[
        str,
        typer.Option("--image", envvar="IMAGE", help="A picture, folder, pattern or list; default: a golden picture."),
    ] = "",
    out: Annotated[
        str, typer.Option(envvar="OUT", help="Where many answers go: .csv or .jsonl; default: beside the build.")
    ] = "",
    url: Annotated[str, typer.Option(envvar="URL", help="Inference address; default: the local server's.")] = "",
    header_file: Annotated[
        str, typer.Option(envvar="HEADER_FILE", help="Headers with the inference token, as for curl -H @file.")
    ] = "",
    model: Model = "",
    profile: Annotated[str, typer.Option("--profile", envvar="PROFILE", help="Whose server to ask.")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", envvar="JSON", help="The server's own answer; of many, what came of them.")
    ] = False,
) -> None:
    chosen = profiles.choose(profile, machine.detect()).of_model(model, "MODEL")
    build = chosen.build
    server = _elsewhere(build, url, header_file, model) if url else _local(chosen, model)
    picture = inputs.single(image) if image else golden.load(build.golden, "make archive")[0].picture
    if picture:
        _one(server, picture, as_json)
    else:
        _many(server, build, image, out, as_json)


def _local(profile: Profile, model: str) -> Server:
    run = RunFolder(profile.server_build.run)
    server = state.running(run)
    if not server:
        raise KitError("no server is running", "start one: make serve")
    served = server.named(model)
    row = Management(server.management, run.management_header).describe(served.name)[0]
    most = min(MOST, 2 * max(1, len(row["workers"])) * int(row.get("batchSize", 1)))
    asked = {"model": served.name, "version": row["modelVersion"], "archive": served.archive_sha256}
    return Server(Inference(server.inference, run.inference_header), served.name, asked, most, most)


def _elsewhere(build: Build, url: str, header_file: str, model: str) -> Server:
    model = model_name(model, build, "make predict")
    api = Inference(address("URL", url), read_headers("HEADER_FILE", header_file))
    return Server(api, model, {"model": model, "url": url}, ELSEWHERE_FIRST, ELSEWHERE)


def _one(server: Server, picture: Path, as_json: bool) -> None:
    try:
        content = picture.read_bytes()
    except OSError as error:
        raise UsageError(f"IMAGE={picture} cannot be read: {error.strerror}") from None
    begun = time.monotonic()
    try:
        answer = server.api.predict(server.model, content)
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


def _many(server: Server, build: Build, image: str, out: str, as_json: bool) -> None:
    labels = list(read_json(build.labels).values()) if build.labels.is_file() else None
    found = inputs.many(image, labels)
    for note in found.notes:
        console.step(note)
    output = results.output(out, build.folder / "predictions" / f"{Path(image).stem or 'answers'}.csv")
    journal = Journal(output, server.asked)
    asked: list[Row] = []
    begun = time.monotonic()
    with journal.opened() as known, console.progress() as bars:
        bar = bars.add_task("asking", total=len(found.pictures))

        def answered(row: Row) -> None:
            journal.note(row)
            asked.append(row)
            bars.advance(bar)

        rows = ask_all(server.api, server.model, found.pictures, known, server.first, server.most, answered)
    seconds = time.monotonic() - begun
    results.write(output, rows)
    failed = [row for row in rows if row.error]
    if not failed:
        journal.remove()
    _report(rows, failed, len(asked), seconds, output, as_json)
    if failed:
        sys.exit(1)


def _report(
    rows: Sequence[Row], failed: Sequence[Row], asked: int, seconds: float, output: Path, as_json: bool
) -> None:
    right = accuracy(rows)
    if as_json:
        console.print_json(_document(rows, failed, right, seconds, output))
        return
    facts = {"asked": f"{count(asked, 'picture')} in {seconds:.1f} s, {asked / seconds:.0f} a second"}
    if known := len(rows) - asked:
        facts["known"] = f"{count(known, 'answer')} of the run before this"
    if right:
        facts["accuracy"] = f"top-1 {right.top1:.1%}, top-5 {right.top5:.1%} of {count(right.asked, 'picture')}"
    if right and (worst := right.worst(SHOWN_LABELS)):
        facts["least right"] = ", ".join(f"{label} {good} of {all_of}" for label, good, all_of in worst)
    facts["no answer"] = count(len(failed), "picture") if failed else ""
    facts["written"] = console.shown_path(output)
    console.facts({name: value for name, value in facts.items() if value})
    for row in failed[:SHOWN_ERRORS]:
        console.err.print(f"[bold red]{escape(str(row.file))}[/bold red] {escape(row.error)}")
    if len(failed) > SHOWN_ERRORS:
        console.err.print(f"… and {len(failed) - SHOWN_ERRORS} more: see the column `error`")


def _document(
    rows: Sequence[Row], failed: Sequence[Row], right: Accuracy | None, seconds: float, output: Path
) -> dict[str, Any]:
    return {
        "pictures": len(rows),
        "failed": len(failed),
        "seconds": round(seconds, 3),
        "labels": dict(Counter(row.label for row in rows if row.label).most_common()),
        "accuracy": {
            "pictures": right.asked,
            "top1": right.top1,
            "top5": right.top5,
            "by_label": {label: {"right": good, "pictures": of} for label, (good, of) in right.by_label.items()},
        }
        if right
        else None,
        "out": str(output),
    }


if __name__ == "__main__":
    console.command(app)
