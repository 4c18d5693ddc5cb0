"""docs/architecture.md is held to the tree: rooms, files it names, rules of import, sizes of rooms."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from kit.build import PROJECT
from kit.bundle import program

PAGE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("common", "box", "kit", "worker", "benchmarks")
# A .mar has no folders, so the handler's files lie side by side.
FLAT = {"handlers", "scripts"}
MOST_FILES = 12


def rooms_on_the_page() -> set[str]:
    """The folders of the tree, by their indentation."""
    block = PAGE.partition("```\n")[2].partition("```")[0]
    found, above = set(), [""]
    for line in block.splitlines():
        folder = re.match(r"( *)([a-z_0-9]+)/ ", line)
        assert folder, line
        depth = len(folder[1]) // 2
        above[depth + 1 :] = [f"{above[depth]}{folder[2]}/"]
        found.add(above[depth + 1])
    return found


def packages() -> set[str]:
    inits = [path for name in PACKAGES for path in (PROJECT / name).rglob("__init__.py")]
    return {f"{path.parent.relative_to(PROJECT)}/" for path in inits}


def test_the_tree_has_every_room_and_no_other() -> None:
    on_page = rooms_on_the_page()
    assert {room for room in on_page if room.split("/")[0] in PACKAGES} >= packages()
    assert all((PROJECT / room).is_dir() for room in on_page)


def test_every_file_that_the_page_names_is_there() -> None:
    names = set(re.findall(r"`([a-z_/0-9]+\.py)`", PAGE))
    there = {str(path.relative_to(PROJECT)) for name in (*PACKAGES, *FLAT) for path in (PROJECT / name).rglob("*.py")}
    assert [name for name in sorted(names) if not any(f"/{one}".endswith(f"/{name}") for one in there)] == []


@pytest.mark.parametrize("room", sorted(packages()))
def test_a_room_can_be_looked_over(room: str) -> None:
    files = [path for path in (PROJECT / room).glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES, f"{room} has {len(files)} files: is there another room in it?"


def test_every_room_says_what_it_is() -> None:
    silent = [room for room in packages() if '"""' not in (PROJECT / room / "__init__.py").read_text(encoding="utf-8")]
    assert silent == []


def test_the_ground_floor_and_the_program_on_a_box_need_the_standard_library_only(tmp_path: Path) -> None:
    code = "import importlib, pkgutil, sys\n"
    code += "import common, box\n"
    code += "for package in (common, box):\n"
    code += "    for one in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
    code += "        if not one.name.endswith('__main__'): importlib.import_module(one.name)\n"
    (tmp_path / "box.pyz").write_bytes(program.pack())
    alone = ["-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'box.pyz')!r})\n{code}"]
    done = subprocess.run([_python(), *alone], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _python() -> str:
    return str(PROJECT / ".venv" / "bin" / "python")
