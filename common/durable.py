"""Changes that a power cut cannot halve: made beside their place, on the disk for certain, then renamed into it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def sync_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def copy(source: Path, target: Path) -> None:
    """The same content in a file of its own, readable by all."""
    shutil.copyfile(source, target)
    target.chmod(0o644)
    sync_file(target)


def differs(path: Path, content: bytes) -> bool:
    """Does the file hold anything else, or cannot be read?"""
    try:
        return path.read_bytes() != content
    except OSError:
        return True


def write_changed(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Write it unless it lies there already. True when something was written."""
    if not differs(path, content):
        return False
    write(path, content, mode)
    return True


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one when it is absent, torn, noise, or anything else."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def point(link: Path, target: str) -> None:
    """Make `link` lead to `target` in one step: there is no instant at which it leads nowhere."""
    if link.is_dir() and not link.is_symlink():  # what a repair of the file system may have made of it
        remove_tree(link)
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    move(beside, link)


def move(source: Path, target: Path) -> None:
    source.replace(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder, whole or not at all as others see it: it goes under a hidden name first."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        doomed = folder if folder.name.startswith(".") else folder.with_name(f".{folder.name}.gone")
        if doomed != folder:
            shutil.rmtree(doomed, ignore_errors=True)
            folder.replace(doomed)
        _rmtree(doomed)
    else:
        return
    sync_folder(folder.parent)


def _rmtree(folder: Path) -> None:
    def vanished(_function: Callable[..., Any], _path: str, info: Any) -> None:
        if not isinstance(info[1], FileNotFoundError):
            raise info[1]

    shutil.rmtree(folder, onerror=vanished)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
