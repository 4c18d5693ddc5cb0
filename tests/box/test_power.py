"""The power goes at any instant of receiving and switching: done again it comes out right, and boot never strands."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from box.state import history, trial
from box.store import integrity, releases
from box.system import platforms
from common.manifest_reading import parse
from kit.build import PROJECT
from tests.box.shop import Box, Key, Release, make_release


def run_and_die(box: Box, at: int, *words: str) -> bool:
    """True when it was killed at its `at`-th change; False when it came to its end before."""
    command = [sys.executable, "-m", "tests.box.die_at", str(at), "--root", str(box.root), *words]
    done = subprocess.run(command, cwd=PROJECT, env=box.environment, capture_output=True, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode != 0


@pytest.fixture
def delivered(box: Box, tmp_path: Path) -> Iterator[tuple[Box, Release]]:
    release = make_release("1.0", tmp_path)
    box.deliver(release)
    yield box, release


def test_receive_cut_at_every_change_and_repeated(delivered: tuple[Box, Release], tmp_path: Path) -> None:
    """Each cut starts from the same delivery; then the release is whole or absent, and a repetition completes it."""
    box, release = delivered
    wanted = parse(release.manifest)
    as_delivered = tmp_path / "as-delivered"
    shutil.copytree(box.paths.home, as_delivered, symlinks=True)
    for at in itertools.count(1):
        shutil.rmtree(box.paths.home)
        shutil.copytree(as_delivered, box.paths.home, symlinks=True)
        killed = run_and_die(box, at, "receive", release.name)
        if box.paths.release(release.name).exists():
            assert integrity.damaged_parts(box.paths, wanted) == [], f"half a release after change {at}"
        if not killed:
            break
        if at % 5 == 0 or box.paths.release(release.name).exists():  # a repetition takes a second
            box.ask("receive", release.name)
            assert integrity.is_whole(box.paths, release.name), f"not mended after change {at}"
            assert box.ask("missing", stdin=release.manifest)["bytes"] == 0
    assert at > 15, "the program was cut at too few places to prove anything"


@pytest.mark.parametrize("confirmed", [False, True])
def test_boot_finds_the_confirmed_release_wherever_the_links_were_cut(
    box: Box, tmp_path: Path, confirmed: bool
) -> None:
    """The state after each single step of a switch, and of a confirm, as a power cut leaves it."""
    old, new = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    for release in (old, new):
        box.take(release)
    paths = box.paths
    releases.switch(paths, paths.confirmed, old.name)
    history.record(paths.history, history.CONFIRMED, old.name, "test", True)
    releases.prepare_way_back(paths, old.name)
    releases.switch(paths, paths.current, new.name)
    trial.save(paths, trial.Trial(new.name, old.name, "restart", "test", 0.0))
    if confirmed:
        releases.switch(paths, paths.confirmed, new.name)
    box.reboot()
    expected = new.name if confirmed else old.name
    assert (releases.current(paths), releases.confirmed(paths)) == (expected, expected)
    assert not paths.trial.exists() and not paths.way_back.is_symlink()
    assert history.confirmed_releases(paths.history)[0] == expected


def test_recover_itself_cut_at_every_change(box: Box, tmp_path: Path) -> None:
    old, new = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    for release in (old, new):
        box.take(release)
    paths = box.paths
    for at in itertools.count(1):
        releases.switch(paths, paths.confirmed, old.name)
        releases.prepare_way_back(paths, old.name)
        releases.switch(paths, paths.current, new.name)
        killed = run_and_die(box, at, "recover")
        assert releases.current(paths) in (old.name, new.name)
        box.ask("recover")
        assert releases.current(paths) == old.name, f"after change {at}"
        if not killed:
            break
    assert at > 2


def test_a_power_cut_in_every_step_of_activate(box: Box, tmp_path: Path) -> None:
    """Everything is killed when a step appears in activation.jsonl; /run is gone; boot brings the confirmed release."""
    old = make_release("1.0", tmp_path)
    box.deploy(old)
    for number, step in enumerate(("verify", "space", "switch", "start", "gate", "confirm")):
        # Ever another configuration, so that each takes a restart.
        new = make_release(f"2.{number}", tmp_path, config=f"{step}\n")
        box.take(new)
        activation = subprocess.Popen(
            box.command("activate", new.name), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=box.environment
        )
        assert activation.stdout
        for line in activation.stdout:
            if json.loads(line).get("step") == step:
                break
        else:
            pytest.fail(f"step {step} was not said")
        box.reboot()
        activation.wait()
        activation.stdout.close()
        assert releases.current(box.paths) == old.name, step
        # The unit's start.
        assert box.ask("activate", old.name)["how"] == "restart"
        assert box.answers_with() == "1.0", step


def test_a_damaged_confirmed_release_gives_way_to_the_one_before(box: Box, tmp_path: Path) -> None:
    old, new = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    box.deploy(old)
    box.deploy(new)
    (box.paths.release(new.name) / "net.mar").unlink()
    box.reboot()
    assert releases.current(box.paths) == old.name


def test_a_full_disk_does_not_bar_the_way_back(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No new link can be made then; the one made before the switch is renamed."""
    for version in ("1.0", "2.0"):
        box.take(make_release(version, tmp_path))
    old, new = releases.here(box.paths)
    releases.switch(box.paths, box.paths.confirmed, old)
    releases.prepare_way_back(box.paths, old)
    releases.switch(box.paths, box.paths.current, new)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "symlink_to", full)
    releases.go_back(box.paths, old)
    assert releases.current(box.paths) == old


def test_a_runtime_is_complete_or_absent(bare_box: Box, tmp_path: Path, key: Key) -> None:
    """With the real pip and wheels: cut while it installs, then repeated."""
    release = make_release("1.0", tmp_path)
    bare_box.deliver(release)
    runtime = bare_box.paths.runtime(str(release.document["runtime"]["id"]))
    receiving_it = subprocess.Popen(
        bare_box.command("receive", release.name),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=bare_box.environment,
    )
    making = runtime.with_name(f".{runtime.name}.making")
    while not (making / "requirements.txt").exists():
        assert receiving_it.poll() is None
    bare_box.kill_everything()
    receiving_it.wait()
    assert making.exists() and not runtime.exists()
    bare_box.ask("receive", release.name)
    assert not making.exists()
    java = runtime / f"lib/python{platforms.own_python()}/site-packages/fake_server/bin/java"
    assert java.stat().st_mode & 0o111
    assert not list(runtime.glob("wheels")) and not list(bare_box.paths.incoming_blobs.iterdir())
    wheels = {str(part["sha256"]) for part in release.document["parts"] if part["role"] == "wheel"}
    assert not wheels & {blob.name for blob in bare_box.paths.blobs.iterdir()}
