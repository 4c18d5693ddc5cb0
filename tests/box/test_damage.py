"""Every file that a box keeps, emptied, torn, made noise or gone: it serves the last good release, says what is
damaged, and the next deployment puts it right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from box import damaged_files
from box.state import history, trial
from box.store import confirmations, integrity, releases
from tests.box.damage import HARM, Harm, boot, emptied, missing, noise, redeployed, torn
from tests.box.shop import Box, Release, make_release


def link_noise(path: Path) -> None:
    path.unlink()
    path.symlink_to("releases/\x01/..")


def link_emptied(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")


@pytest.fixture
def two(box: Box, tmp_path: Path) -> tuple[Release, Release]:
    """1.0, then 2.0 were confirmed on the box."""
    first, second = make_release("1.0", tmp_path), make_release("2.0", tmp_path, config="another\n")
    box.deploy(first)
    box.deploy(second)
    return first, second


NEEDED = ["manifest.json", "net.mar", "config/config.properties", "golden/papaya.jpg"]
NOT_NEEDED = ["manifest.json.sig", "sbom.cdx.json", "confirmed.json"]


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_release_gives_way_to_the_one_before(box: Box, two: tuple[Release, Release], harm: Harm) -> None:
    """Each file, one after the other; what recover chooses, and says."""
    first, second = two
    box.kill_everything()
    whole = box.root / "whole"
    shutil.copytree(box.paths.home, whole, symlinks=True)
    for name in [*NEEDED, *NOT_NEEDED]:
        shutil.rmtree(box.paths.home)
        shutil.copytree(whole, box.paths.home, symlinks=True)
        harm(box.paths.release(second.name) / name)
        told = damaged_files.damaged(box.paths)
        assert any(second.name in sentence for sentence in told), (name, told)
        box.reboot()
        chosen = first.name if name in NEEDED else second.name
        assert (releases.current(box.paths), releases.confirmed(box.paths)) == (chosen, chosen), name


@pytest.mark.parametrize(
    ("name", "harm", "answers"),
    [
        ("manifest.json", emptied, "1.0"),
        ("net.mar", noise, "1.0"),
        ("config/config.properties", missing, "1.0"),
        ("golden/papaya.jpg", torn, "1.0"),
        ("manifest.json.sig", noise, "2.0"),
        ("sbom.cdx.json", missing, "2.0"),
    ],
)
def test_the_next_deployment_mends_a_damaged_release(
    box: Box, two: tuple[Release, Release], name: str, harm: Harm, answers: str
) -> None:
    harm(box.paths.release(two[1].name) / name)
    boot(box)
    assert box.answers_with() == answers
    assert any(two[1].name in row["message"] for row in box.refused("doctor")["findings"])
    redeployed(box, two[1])


@pytest.mark.parametrize("harm", [missing, link_emptied, link_noise])
@pytest.mark.parametrize("name", ["current", "confirmed"])
def test_a_link_that_is_lost(box: Box, two: tuple[Release, Release], name: str, harm: Harm) -> None:
    harm(box.paths.home / name)
    boot(box)
    assert box.answers_with() == "2.0"
    assert (releases.current(box.paths), releases.confirmed(box.paths)) == (two[1].name, two[1].name)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("settings", emptied),
        ("settings", noise),
        ("settings", missing),
        ("history", noise),
        ("history", missing),
        ("activation", torn),
        ("deploy_lock", emptied),
        ("settings_copy", noise),
        ("settings_copy", torn),
    ],
)
def test_what_the_box_writes_down(box: Box, two: tuple[Release, Release], name: str, harm: Harm) -> None:
    box.ask("lock", "--owner", "ann@workstation")
    harm(getattr(box.paths, name))
    if name == "settings_copy":
        assert any(str(box.paths.settings_copy) in sentence for sentence in box.ask("status")["damaged"])
    boot(box)
    assert box.answers_with() == "2.0", "at the address that the operator chose"
    assert box.ask("status")["previous"] == two[0].name
    if name == "settings":
        assert any("box.json" in sentence for sentence in box.ask("status")["damaged"])
    box.ask("unlock", "--owner", "ann@workstation")
    redeployed(box, two[1])


def test_both_links_and_the_history_are_lost(box: Box, two: tuple[Release, Release]) -> None:
    for path in (box.paths.current, box.paths.confirmed, box.paths.history):
        path.unlink()
    boot(box)
    assert box.answers_with() == "2.0"


WRONG_LINES = [
    '{"what": "confirmed", "release": ["x"]}',
    '{"what": "confirmed", "release": {"a": 1}}',
    '{"what": "confirmed", "release": "../../etc"}',
    '{"what": "confirmed", "release": 7}',
    "[]",
    "[" * 100_000,
    '"x"',
]
WRONG_TRIALS = [
    '{"release": 1, "previous": null, "how": "hot", "owner": "x", "started": 0}',
    '{"release": "a", "previous": null, "how": [], "owner": {}, "started": "x", "deadline": "y"}',
    "[]",
    "{}",
    "\x00",
    "[" * 100_000,
]


def test_a_history_of_the_wrong_types(box: Box, two: tuple[Release, Release]) -> None:
    for line in WRONG_LINES:
        with box.paths.history.open("a") as file:
            file.write(line + "\n")
        assert confirmations.latest_first(box.paths) == [two[1].name, two[0].name], line[:80]
        assert history.confirmed_releases(box.paths.history) == [two[1].name, two[0].name], line[:80]
    assert box.ask("status")["previous"] == two[0].name
    assert any("cannot be read" in row["message"] for row in box.ask("doctor")["findings"])
    box.ask("history")


def test_a_trial_of_the_wrong_types_is_none(box: Box, two: tuple[Release, Release]) -> None:
    for marker in WRONG_TRIALS:
        box.paths.trial.write_text(marker)
        assert trial.load(box.paths) is None, marker[:80]
    assert box.ask("status")["on_trial"] is None
    assert box.ask("recover")["release"] == two[1].name


def test_files_replaced_under_a_running_server_take_a_restart(box: Box, two: tuple[Release, Release]) -> None:
    torn(box.paths.release(two[1].name) / "net.mar")
    assert box.answers_with() == "2.0", "it has read it long ago"
    box.deliver(two[1])
    box.run("receive", two[1].name)
    box.deliver(two[1])
    box.ask("receive", two[1].name)
    plan = box.ask("plan", two[1].name)
    assert (plan["how"], plan["why"]) == ("restart", "files were replaced since the server started")


def test_a_release_that_is_changed_after_its_confirm_does_not_pass_for_it(
    box: Box, two: tuple[Release, Release]
) -> None:
    manifest = box.paths.release(two[0].name) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"made_by": "somebody else"}))
    assert not confirmations.noted(box.paths, two[0].name)
    assert "the signature does not fit" in box.refused("rollback", "--to", two[0].name)["error"]


def test_an_incoming_folder_full_of_noise(box: Box, two: tuple[Release, Release], tmp_path: Path) -> None:
    third = make_release("3.0", tmp_path)
    box.deliver(third)
    for path in list(box.paths.incoming.rglob("*")):
        if path.is_file():
            noise(path)
    redeployed(box, third)


def test_with_the_folders_gone_provision_makes_them_again(box: Box, two: tuple[Release, Release]) -> None:
    for folder in (box.paths.incoming, box.paths.blobs, box.paths.state):
        shutil.rmtree(folder)
    boot(box)
    assert box.answers_with() == "2.0"
    redeployed(box, two[1])
    assert integrity.previous(box.paths) == two[0].name
