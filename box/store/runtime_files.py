"""Is a runtime still what was installed? files.json in it holds each file's size and sha256, and where links lead."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common import durable

INDEX = "files.json"
VERSIONED = re.compile(r"python3\.\d+")
Row = tuple[int, str]  # size, sha256


@dataclass(frozen=True)
class Check:
    """`damaged`: sentences without the runtime's name; `untold`: why more cannot be said, "" when all was checked."""

    damaged: tuple[str, ...] = ()
    untold: str = ""


def write_index(runtime: Path) -> None:
    """Called once, when the runtime has just been installed."""
    files: dict[str, list[int | str]] = {}
    links: dict[str, str] = {}
    for path in sorted(runtime.rglob("*")):
        name = str(path.relative_to(runtime))
        if path.is_symlink():
            links[name] = str(path.readlink())
        elif path.is_file():
            files[name] = [path.stat().st_size, durable.sha256(path)]
    durable.write(runtime / INDEX, json.dumps({"files": files, "links": links}).encode())


def check(runtime: Path, python: str, until: float | None = None) -> Check:
    """Compare it with its index: sizes and links, and with `until` (monotonic) the contents too, as far as that time
    allows. `python`: the version it is for."""
    if not runtime.is_dir():
        return Check((f"{runtime} does not exist",))
    if wrong := _interpreter(runtime, python):
        return Check((wrong,))
    try:
        files, links = _read_index(runtime)
    except (KeyError, TypeError, ValueError):
        return Check(untold=f"{INDEX}, the list of its files, is damaged or missing")
    damaged = [*_links(runtime, links), *_sizes(runtime, files)]
    if damaged or until is None:
        return Check(tuple(damaged))
    return _contents(runtime, files, until)


def _read_index(runtime: Path) -> tuple[dict[str, Row], dict[str, str]]:
    """Raises KeyError, TypeError or ValueError for what is not an index."""
    index = durable.read_object(runtime / INDEX)
    files = {str(name): (int(size), str(digest)) for name, (size, digest) in dict(index["files"]).items()}
    return files, {str(name): str(target) for name, target in dict(index["links"]).items()}


def _interpreter(runtime: Path, python: str) -> str:
    """Also for one whose link is right: a system may bring another Python under the same name."""
    link = runtime / "bin/python"
    if not link.exists():
        leads = f" leads to {link.readlink()}, which" if link.is_symlink() else ""
        return f"its bin/python{leads} does not exist"
    name = link.resolve().name
    if VERSIONED.fullmatch(name) and name != f"python{python}":
        return f"it was made for Python {python}, and its bin/python is {name} now: this box's Python was upgraded"
    return ""


def _links(runtime: Path, links: dict[str, str]) -> Iterator[str]:
    for name, target in links.items():
        path = runtime / name
        if not path.is_symlink() or str(path.readlink()) != target:
            yield f"{name} does not lead to {target} any more"


def _sizes(runtime: Path, files: dict[str, Row]) -> Iterator[str]:
    for name, (size, _) in files.items():
        try:
            found = (runtime / name).lstat().st_size
        except OSError:
            yield f"{name} is missing"
            continue
        if found != size:
            yield f"{name} has {found:,} bytes of {size:,}"


def _contents(runtime: Path, files: dict[str, Row], until: float) -> Check:
    """The largest files first: nearly all that can be damaged is in them."""
    damaged: list[str] = []
    read = 0
    for name, (size, digest) in sorted(files.items(), key=lambda item: -item[1][0]):
        if time.monotonic() > until:
            left = sum(row[0] for row in files.values()) - read
            return Check(tuple(damaged), f"{left / 1e6:,.0f} MB of it could not be read in the time for that")
        try:
            right = durable.sha256(runtime / name) == digest
        except OSError:
            right = False
        if not right:
            damaged.append(f"{name} is not what was installed")
        read += size
    return Check(tuple(damaged))
