"""What keeps a runtime from working: damaged files, an upgraded Python, a processor or kernel that lacks something."""

from __future__ import annotations

from pathlib import Path

import pytest

from box.server import runtime_check
from box.store import runtime_files
from common import memory
from tests.box.damage import Harm, boot, missing, noise, redeployed, torn
from tests.box.shop import Box, make_release


def test_a_runtime_whose_python_was_upgraded_under_it(tmp_path: Path) -> None:
    """By its link, which leads to another version now or to nothing."""
    (tmp_path / "bin").mkdir()
    system = tmp_path / "usr"
    system.mkdir()
    (system / "python3.13").touch()
    (system / "python3").symlink_to("python3.13")
    link = tmp_path / "bin/python"
    link.symlink_to(system / "python3")
    runtime_files.write_index(tmp_path)
    assert runtime_files.check(tmp_path, "3.13").damaged == ()
    (wrong,) = runtime_files.check(tmp_path, "3.11").damaged
    assert wrong == (
        "it was made for Python 3.11, and its bin/python is python3.13 now: this box's Python was upgraded"
    )
    (system / "python3").unlink()
    assert "does not exist" in runtime_files.check(tmp_path, "3.11").damaged[0]


@pytest.mark.parametrize(
    ("controllers", "cgroups", "can"),
    [
        ("cpu io memory pids", None, True),
        ("cpu io pids", "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t60\t0", False),
        (None, "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t3\t60\t1", True),
        (None, None, False),
    ],
)
def test_a_kernel_whose_memory_control_group_is_off(
    tmp_path: Path, controllers: str | None, cgroups: str | None, can: bool
) -> None:
    if controllers is not None:
        (tmp_path / "cgroup.controllers").write_text(controllers)
    if cgroups is not None:
        (tmp_path / "cgroups").write_text(cgroups)
    assert memory.can_be_limited(tmp_path, tmp_path) is can


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -ILL $$", "does not have the instructions"),
        ("echo OSError: libtorch_cpu.so: file too short >&2; exit 1", "OSError: libtorch_cpu.so: file too short"),
        ("exit 0", ""),
        ("kill -KILL $$", ""),
    ],
)
def test_why_what_runs_the_model_does_not_work_here(tmp_path: Path, script: str, words: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    assert words in runtime_check.wrong(python)
    assert bool(runtime_check.wrong(python)) == bool(words)


@pytest.mark.parametrize("harm", [torn, noise])
def test_a_damaged_runtime_is_made_anew(bare_box: Box, tmp_path: Path, harm: Harm) -> None:
    """With the real pip and wheels. Noise of the same size is found once it keeps the server from starting."""
    release = make_release("1.0", tmp_path)
    bare_box.deploy(release)
    java = next(bare_box.paths.runtimes.glob("*/lib/python3*/site-packages/fake_server/bin/java"))
    harm(java)
    bare_box.reboot()
    assert bare_box.answers_with() is None
    need = bare_box.ask("missing", stdin=release.manifest)
    assert need["have_runtime"] is False
    assert any("fake_server/bin/java" in sentence for sentence in bare_box.ask("status")["damaged"])
    assert "fake_server/bin/java" in bare_box.ask("status")["why_not"]
    redeployed(bare_box, release)


@pytest.mark.parametrize("harm", [noise, missing])
def test_a_runtime_without_its_index_serves_and_is_made_anew(bare_box: Box, tmp_path: Path, harm: Harm) -> None:
    release = make_release("1.0", tmp_path)
    bare_box.deploy(release)
    harm(next(bare_box.paths.runtimes.glob("*/files.json")))
    boot(bare_box)
    assert bare_box.answers_with() == "1.0"
    assert any("files.json" in sentence for sentence in bare_box.ask("status")["damaged"])
    redeployed(bare_box, release)
