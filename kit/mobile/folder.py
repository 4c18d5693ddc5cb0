"""A folder that is whole or absent: filled beside its place, then renamed into it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.durable import sha256

SUMS = "SHA256SUMS"


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`; it takes the place of `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
        made, before = Path(beside) / "made", Path(beside) / "before"
        made.mkdir()
        yield made
        if path.exists():
            path.rename(before)
        try:
            made.rename(path)
        except OSError:
            if before.exists():
                before.rename(path)
            raise


def write_sums(folder: Path) -> None:
    """SHA256SUMS of all files in `folder`, as `sha256sum -c` reads it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files))
