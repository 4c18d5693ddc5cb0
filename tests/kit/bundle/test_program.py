import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import box
from common.errors import KitError
from kit.build import PROJECT
from kit.bundle import program


def test_one_file_runs_as_the_program(tmp_path: Path) -> None:
    packed = tmp_path / "box.pyz"
    packed.write_bytes(program.pack())
    # -I: nothing of this project can be imported, only what is in the file.
    run = subprocess.run([sys.executable, "-I", packed, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, box.VERSION)
    assert packed.read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_the_units_that_it_installs_are_in_it(tmp_path: Path) -> None:
    packed = tmp_path / "box.pyz"
    packed.write_bytes(program.pack())
    with zipfile.ZipFile(packed) as opened:
        for path in program.UNITS.iterdir():
            assert opened.read(f"box/systemd/{path.name}") == path.read_bytes()


def test_another_place_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    for package in program.PACKAGES:
        pycache = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / package, tmp_path / "elsewhere" / package, ignore=pycache)
    for path in (tmp_path / "elsewhere").rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1e9, 1e9))
    assert program.pack(tmp_path / "elsewhere") == program.pack()


def test_a_folder_without_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="holds no program for the box"):
        program.pack(tmp_path)


def test_a_module_that_is_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__main__.py").write_text("import sys\n")
    (tmp_path / "box" / "broken.py").write_text("def (:\n")
    with pytest.raises(KitError, match=r"box/broken\.py is not Python"):
        program.pack(tmp_path)
