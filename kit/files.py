"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import KitError

# What a zip says of each member, so that the same content is the same bytes: the earliest time that it knows, Unix, and
# a plain file that all may read.
ALWAYS, UNIX, MODE = (1980, 1, 1, 0, 0, 0), 3, 0o100644 << 16
NOT_SHOWN = "(not shown here: it may be the secret itself)"


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A temporary path beside `path`; it takes the place of `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path, mode: int = 0o777) -> Iterator[None]:
    """Others who come here for the same folder wait until the block has ended. It is made, with `mode`, if need be."""
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    with replacing(path, mode) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    with replacing(path, mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any, mode: int = 0o644) -> None:
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n", mode)


def read_json(path: Path, hint: str = "") -> Any:
    """A JSON file's content. Raises KitError, with `hint`, when it is missing or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KitError(f"{path} does not exist", hint) from None
    except (OSError, ValueError) as error:
        raise KitError(f"{path} cannot be read as JSON: {error}", hint) from None


def zip_entry(name: str) -> zipfile.ZipInfo:
    """A zip's member that is the same whenever and wherever it is written. It is to be stored: compressed bytes differ
    between versions of zlib."""
    entry = zipfile.ZipInfo(name, ALWAYS)
    entry.create_system, entry.external_attr = UNIX, MODE
    return entry
