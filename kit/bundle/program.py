"""box.pyz: the on-box program, and what it shares with the kit, in one file that Python runs; the same bytes wherever
it is packed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from common.errors import KitError
from kit.build import PROJECT
from kit.files import zip_entry

PACKAGES = ("box", "common")
SHARED = "handlers/processors.py"  # with the handlers, where each module is a top one
UNITS = PROJECT / "config" / "systemd"
SHEBANG = b"#!/usr/bin/env python3\n"


def pack(sources: Path = PROJECT, units: Path = UNITS) -> bytes:
    """The packages below `sources`, and the systemd units that the program installs.

    Raises KitError when there is no program, or a module of it is not Python.
    """
    modules = [path for package in PACKAGES for path in (sources / package).rglob("*.py")]
    members = {str(path.relative_to(sources)): path.read_bytes() for path in modules}
    if "box/__main__.py" not in members:
        raise KitError(f"{sources}/box holds no program for the box", "it is part of the kit: restore it")
    # Run as a zip, Python starts the top __main__.py: the package's own, which imports by full names.
    members["__main__.py"] = members.pop("box/__main__.py")
    members[Path(SHARED).name] = (PROJECT / SHARED).read_bytes()
    members |= {f"box/systemd/{path.name}": path.read_bytes() for path in units.iterdir() if path.is_file()}
    packed = io.BytesIO()
    packed.write(SHEBANG)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            if name.endswith(".py"):
                _compiles(name, content)
            archive.writestr(zip_entry(name), content)
    return packed.getvalue()


def _compiles(name: str, content: bytes) -> None:
    try:
        compile(content, name, "exec")
    except SyntaxError as error:
        raise KitError(f"{name} is not Python: {error}", "it is part of the kit: restore it") from None
