"""Check a running server from outside, and leave it as it was found.

make smoke                                               the server that `make serve` has started
make smoke URL=https://gateway HEADER_FILE=token.header  any other

It adds a worker and ends it again. TorchServe ends it without waiting: a busy server can lose one request.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from common.errors import KitError
from kit import console, machine, profiles
from kit.serving.launch import RunFolder
from kit.smoke import report
from kit.smoke.outcome import Outcome, Result
from kit.smoke.run import run
from kit.smoke.session import connect
from kit.smoke.target import Options, resolve
from scripts.options import Model

app = typer.Typer(help=__doc__, add_completion=False)
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.WARNED: "yellow"}


@app.command(help=__doc__)
def smoke(
    url: Annotated[str, typer.Option(envvar="URL", help="Inference address; default: the local server's.")] = "",
    management_url: Annotated[
        str, typer.Option(envvar="MANAGEMENT_URL", help="Management address; without it nothing is changed.")
    ] = "",
    metrics_url: Annotated[str, typer.Option(envvar="METRICS_URL", help="Metrics address.")] = "",
    grpc: Annotated[str, typer.Option(envvar="GRPC", help="gRPC inference address, host:port.")] = "",
    model: Model = "",
    golden: Annotated[str, typer.Option(envvar="GOLDEN", help="Folder with golden.json; default: the profile's.")] = "",
    header_file: Annotated[
        str, typer.Option(envvar="HEADER_FILE", help="Headers with the inference token, as for curl -H @file.")
    ] = "",
    management_header_file: Annotated[
        str, typer.Option(envvar="MANAGEMENT_HEADER_FILE", help="Headers with the management token.")
    ] = "",
    profile: Annotated[str, typer.Option(envvar="PROFILE", help="Whose server and golden pictures.")] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
    junit: Annotated[str, typer.Option(envvar="JUNIT", help="Write JUnit XML into this file too.")] = "",
) -> None:
    chosen = profiles.choose(profile, machine.detect()).of_model(model, "MODEL")
    options = Options(url, management_url, metrics_url, grpc, model, golden, header_file, management_header_file)
    target = resolve(options, chosen.build, RunFolder(chosen.server_build.run))
    console.step(f"checking {target.model} at {target.url}")
    with connect(target) as session:
        done = run(session, show_progress if as_json else show)
    if as_json:
        console.print_json(report.document(done, target.url, target.model))
    else:
        console.out.print(report.summary(done))
    if junit:
        try:
            report.write_junit(done, Path(junit))
        except OSError as error:
            raise KitError(f"JUNIT={junit} cannot be written: {error.strerror}", "name a file that can be") from None
    if done.stopped_by:
        sys.exit(128 + done.stopped_by)
    sys.exit(1 if done.failed else 0)


def show(result: Result) -> None:
    style = STYLES.get(result.outcome, "dim")
    console.out.print(f"[{style}]{escape(report.line(result))}[/{style}]")


def show_progress(result: Result) -> None:
    console.step(report.line(result))


if __name__ == "__main__":
    console.command(app)
