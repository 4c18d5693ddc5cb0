"""The workstation over a real ssh and a real rsync."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from kit.fleet.ssh.commands import Link
from kit.fleet.ssh.facts import Facts
from kit.fleet.ssh.remote import BoxError, LinkLost, SshRemote
from kit.fleet.ssh.transport import OperatorStopped
from tests.kit.fleet.small_bundle import PROGRAM, packed
from tests.transport.sshd import Boxes

DIGEST = hashlib.sha256(PROGRAM).hexdigest()


def remote(boxes: Boxes, name: str = "shelf-01", stopping: threading.Event | None = None) -> SshRemote:
    return SshRemote(Link(name, str(boxes.ssh_config)), stopping or threading.Event())


def provisioned(boxes: Boxes) -> SshRemote:
    made = remote(boxes)
    made.install(PROGRAM, DIGEST)
    made.call("provision")
    return made


def test_the_probe_tells_a_bare_box_from_one_with_the_program(boxes: Boxes) -> None:
    box = remote(boxes)
    facts = box.probe()
    assert facts.machine == os.uname().machine
    assert (facts.bits, facts.root, facts.rsync, facts.sudo, facts.program) == (64, True, True, (), "")
    box.install(PROGRAM, DIGEST)
    assert box.probe() == Facts(**{**vars(facts), "program": DIGEST, "whole": "/opt/vision-serve/box.pyz"})


def test_the_probe_finds_a_whole_copy_of_a_damaged_program(boxes: Boxes) -> None:
    box = provisioned(boxes)
    home = boxes.home("shelf-01")
    (home / "box.pyz").write_bytes(b"")
    facts = box.probe()
    assert (facts.bare, facts.damaged, facts.program, facts.whole) == (False, True, "", "")
    copy = home / "releases/r1/box.pyz"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(PROGRAM)
    (home / "box.pyz").write_bytes(PROGRAM[:-20])
    facts = box.probe()
    assert (facts.bare, facts.program, facts.whole) == (False, "", "/opt/vision-serve/releases/r1/box.pyz")
    assert box.call("logs")["lines"] == ["one", "two", "three"], "asked of the copy"


def test_a_program_that_does_not_arrive_whole_is_not_installed(boxes: Boxes) -> None:
    with pytest.raises(BoxError, match="did not arrive whole"):
        remote(boxes).install(PROGRAM + b"#", DIGEST)
    assert list(boxes.home("shelf-01").iterdir()) == []


def test_a_verb_has_its_stdin_its_events_and_its_result(boxes: Boxes) -> None:
    box = remote(boxes)
    box.install(PROGRAM, DIGEST)
    assert box.call("provision", stdin=b"key of ann")["changed"] == ["signers set"]
    heard: list[str] = []
    assert box.call("activate", "r1", heard=lambda event: heard.append(str(event["step"])))["waiting"] is True
    assert heard == ["verify", "space", "switch", "gate"]
    assert box.call("confirm", "r2")["ok"] is False


def test_a_box_out_of_reach_says_what_ssh_says(boxes: Boxes) -> None:
    with pytest.raises(LinkLost, match=r"Could not resolve hostname nowhere\.invalid"):
        remote(boxes, "nowhere.invalid").probe()


def test_a_program_that_breaks_says_its_last_line(boxes: Boxes) -> None:
    box = remote(boxes)
    broken = packed(b"raise SystemExit('it is broken')")
    box.install(broken, hashlib.sha256(broken).hexdigest())
    with pytest.raises(BoxError, match=r"box\.pyz status gave no result: it is broken"):
        box.call("status")


def test_rsync_sends_files_once_and_counts_them(boxes: Boxes, tmp_path: Path) -> None:
    box = provisioned(boxes)
    (tmp_path / "out/blobs").mkdir(parents=True)
    (tmp_path / "out/blobs/a").write_bytes(os.urandom(1 << 20))
    (tmp_path / "out/r1.json").write_bytes(b"{}")
    before, shares = box.traffic, [0.0]
    box.send(tmp_path / "out", ["blobs/a", "r1.json"], shares.append)
    first = box.traffic - before
    assert 1 << 20 < first < 1.01 * (1 << 20)
    assert shares[-1] == 1.0
    incoming = boxes.home("shelf-01") / "incoming"
    assert (incoming / "blobs/a").read_bytes() == (tmp_path / "out/blobs/a").read_bytes()
    box.send(tmp_path / "out", ["blobs/a", "r1.json"], shares.append)
    assert box.traffic - before - first < 2000


def test_an_interrupted_transfer_is_gone_on_with(boxes: Boxes, tmp_path: Path) -> None:
    box = provisioned(boxes)
    content = os.urandom(4 << 20)
    (tmp_path / "out/blobs").mkdir(parents=True)
    (tmp_path / "out/blobs/a").write_bytes(content)
    partial = boxes.home("shelf-01") / "incoming/blobs/.partial"
    partial.mkdir()
    (partial / "a").write_bytes(content[: 3 << 20])
    before = box.traffic
    box.send(tmp_path / "out", ["blobs/a"], lambda share: None)
    assert box.traffic - before < 1.2 * (1 << 20)
    assert (boxes.home("shelf-01") / "incoming/blobs/a").read_bytes() == content


def test_the_operator_can_end_a_call_that_hangs(boxes: Boxes) -> None:
    provisioned(boxes)
    boxes.set_faults("shelf-01", slow={"activate": 60})
    stopping = threading.Event()
    timer = threading.Timer(1, stopping.set)
    timer.start()
    with pytest.raises(OperatorStopped):
        remote(boxes, stopping=stopping).call("activate", "r1")
    timer.join()


def test_an_rsync_that_fails_says_why_and_not_only_that_it_did(boxes: Boxes, tmp_path: Path) -> None:
    box = provisioned(boxes)
    with pytest.raises(BoxError, match=r'rsync: .*link_stat ".*nope" failed: No such file'):
        box.send(tmp_path, ["nope"], lambda share: None)
    boxes.unplug("shelf-01")
    with pytest.raises(LinkLost):
        box.send(tmp_path, ["nope"], lambda share: None)
