"""How the commands talk: results on stdout, progress and errors on stderr.

`command(app)` is every script's last line: it runs a typer app and turns a KitError into its message and exit
status.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from common.errors import KitError
from kit import home

ROOM = "make room on that disk, or BUILD=<a folder on another>"
ALLOWED = "let this user write there, or BUILD=<a folder elsewhere>"
DISK = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: ALLOWED,
    errno.EACCES: ALLOWED,
    errno.EPERM: ALLOWED,
}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def step(text: str) -> None:
    """One line of progress."""
    err.print(f"[dim]·[/dim] {escape(text)}")


def shown_path(path: Path) -> str:
    """A path as it works when pasted into a shell here."""
    return shlex.quote(os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path))


def facts(rows: Mapping[str, str]) -> None:
    """Names and values, a line each, on stdout."""
    width = max(map(len, rows))
    for name, value in rows.items():
        out.print(f"[bold]{name:<{width}}[/bold]  {escape(value)}")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the kit's style; the columns named in `right` hold figures and are right-aligned."""
    made = Table(header_style="bold", box=None, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def progress() -> Progress:
    """Bars with what is done, of how much, and the time left: on a terminal, and gone when the work is."""
    columns = *Progress.get_default_columns(), MofNCompleteColumn()
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def print_json(document: Any) -> None:
    """The one JSON document of a `--json` run, on stdout."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def show_error(error: KitError) -> None:
    err.print(f"[bold red]error:[/bold red] {escape(error.message)}")
    if error.hint:
        err.print(f"[bold]  hint:[/bold] {escape(error.hint)}")


def command(app: typer.Typer) -> None:
    """Run a script's app; a KitError ends it with its own exit status and no traceback, as does a disk that takes
    nothing more."""
    home.expand(os.environ)
    try:
        app()
    except KitError as error:
        show_error(error)
        sys.exit(error.exit_status)
    except OSError as error:
        if (hint := DISK.get(error.errno or 0)) is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        show_error(KitError(f"{where}{error.strerror}", hint))
        sys.exit(KitError.exit_status)
    except KeyboardInterrupt:
        err.print("stopped by Ctrl-C")
        sys.exit(130)
