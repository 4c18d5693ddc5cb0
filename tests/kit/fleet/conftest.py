"""A workstation whose boxes are in this process: `shop.boxes["b1"]` is one, with its faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kit.fleet.host.deploy import Deploy
from kit.fleet.host.result import HostResult
from kit.fleet.host.session import DeployOptions
from kit.fleet.host.staged_release import StagedRelease
from kit.fleet.inventory.fleet import Box, Fleet, WaveRule
from kit.fleet.rollout import requests, run
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.workspace import Workspace
from kit.fleet.ssh.facts import Facts
from kit.fleet.ssh.remote import Event, LinkLost, Remote, ignore
from kit.fleet.view.report import Report
from kit.fleet.view.screen import Lines
from tests.kit.fleet.fake_box import FakeBox

PI = Facts("aarch64", "3.11", 64, True, (), True, "", "boot 1")


class FakeRemote:
    """The link to a FakeBox. `cut` holds verbs whose link breaks: before they are done (`"activate"`) or after
    (`"activate after"`), once each; `down` is a box out of reach; `on_call` runs before each verb."""

    def __init__(self, facts: Facts = PI) -> None:
        self.traffic, self.facts, self.box = 0, facts, FakeBox()
        self.down = False
        self.cut: list[str] = []
        self.sent: list[str] = []
        self.on_call: Callable[[str], None] = ignore

    def probe(self) -> Facts:
        self._link("probe")
        return self.facts

    def install(self, program: bytes, sha256: str) -> None:
        self._link("install")
        assert hashlib.sha256(program).hexdigest() == sha256
        self.facts = Facts(**{**vars(self.facts), "program": sha256})

    def call(
        self,
        verb: str,
        *arguments: str,
        stdin: bytes = b"",
        heard: Callable[[Event], None] = ignore,
        stoppable: bool = True,
        fresh: bool = False,
    ) -> Event:
        self._link(verb)
        events, result = self.box.answer(verb, list(arguments), stdin)
        for event in events:
            heard(event)
        self._link(f"{verb} after")
        return result

    def send(self, folder: Path, files: Sequence[str], progress: Callable[[float], None]) -> None:
        self._link("send")
        for name in files:
            self.traffic += (folder / name).stat().st_size
        self.sent += files
        self.box.state["blobs"] += [name.rpartition("/")[2] for name in files if name.startswith("blobs/")]
        progress(1.0)

    def close(self) -> None:
        """Each call here is a link of its own."""

    def _link(self, what: str) -> None:
        self.on_call(what)
        if self.down:
            raise LinkLost("ssh: connect to host: No route to host")
        if what in self.cut:
            self.cut.remove(what)
            raise LinkLost("Connection reset by peer")


class ShopWorkspace(Workspace):
    """A workstation whose links go to boxes in this process."""

    remotes: dict[str, FakeRemote]

    def remote(self, box: Box) -> Remote:
        return self.remotes[box.name]


class Shop:
    """A fleet of fake boxes b1, b2, … and a workstation; `deploy` is a whole run."""

    def __init__(self, folder: Path, boxes: int) -> None:
        self.folder, self.signers = folder, "shop ssh-ed25519 AAAA"
        self.fleet = Fleet(
            "shop",
            "shop.yaml",
            tuple(Box(f"pi@b{number}") for number in range(1, boxes + 1)),
            waves=(WaveRule(count=1), WaveRule(count=2)),
            pause=0,
            confirm_seconds=10,
            parallel=4,
        )
        self.remotes = {box.name: FakeRemote() for box in self.fleet.boxes}

    def state(self, box: str) -> dict[str, Any]:
        return self.remotes[box].box.state

    def confirmed(self) -> list[str | None]:
        return [remote.box.state["confirmed"] for remote in self.remotes.values()]

    def locks(self) -> list[str]:
        return [name for name, remote in self.remotes.items() if remote.box.state["lock"]]

    def workspace(self) -> ShopWorkspace:
        made = ShopWorkspace(self.folder / "build", self.fleet)
        made.remotes = self.remotes
        return made

    def task(self, sent: Sequence[StagedRelease], workspace: ShopWorkspace, break_lock: bool = False) -> Task:
        options = DeployOptions(
            workspace.owner, 10, self.signers, self.fleet.notify, break_lock, workspace.dead_owners()
        )
        releases = [one.release for one in sent]
        return Task("deploy", releases, [], options, lambda box, session: Deploy(session, box, sent))

    def deploy(
        self,
        release: str = "r1",
        staged_releases: Sequence[StagedRelease] = (),
        resume: bool = False,
        break_lock: bool = False,
        workspace: ShopWorkspace | None = None,
    ) -> Report:
        workspace = workspace or self.workspace()
        task = self.task(staged_releases or [staged(self.folder, release)], workspace, break_lock)
        with workspace.alone():
            return run.carry_out(workspace, task, Lines(), requests.unfinished(workspace) if resume else None)

    def rollback(self) -> Report:
        workspace = self.workspace()
        return run.carry_out(workspace, requests.rollback_task(workspace, False), Lines(), None)


def staged(folder: Path, release: str, platform: str = "linux_aarch64", python: str = "3.11") -> StagedRelease:
    """A release of two parts, one of them its own."""
    laid_out = folder / f"{release}-{platform}"
    (laid_out / "blobs").mkdir(parents=True, exist_ok=True)
    parts = []
    for content in (b"the same wheel", f"model of {release}".encode()):
        digest = hashlib.sha256(content).hexdigest()
        (laid_out / "blobs" / digest).write_bytes(content)
        parts.append({"path": digest[:8], "sha256": digest, "size": len(content), "role": "archive"})
    manifest = json.dumps({"release": release, "parts": parts}).encode()
    (laid_out / f"{release}.json").write_bytes(manifest)
    (laid_out / f"{release}.json.sig").write_bytes(b"signature")
    return StagedRelease(release, "resnet18 1.0", platform, python, manifest, b"program", laid_out, folder / "x.bundle")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, 5)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.fleet.host.release_switch.RETRY_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's own: the certificate authority, and what waits for boxes."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "vision-serve"


def results(report: Report) -> dict[str, HostResult]:
    return {host_result.box: host_result for host_result in report.results}
