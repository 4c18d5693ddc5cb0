"""What a roll-out costs the workstation: its own program, measured with boxes that answer at once; ssh and rsync,
measured against a real sshd."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from kit.files import read_json
from kit.fleet.host.deploy import Deploy
from kit.fleet.host.session import DeployOptions
from kit.fleet.host.staged_release import StagedRelease
from kit.fleet.inventory.fleet import Box, Fleet
from kit.fleet.rollout import run
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.workspace import Workspace
from kit.fleet.ssh import commands
from kit.fleet.ssh.commands import Link
from kit.fleet.ssh.facts import Facts
from kit.fleet.ssh.remote import Event, Remote, ignore
from kit.fleet.view.screen import Lines

FILE = Path(__file__).with_name("costs.json")
BATCHES, BATCH = 5, 8
SENT = 64 << 20
HELD_THREADS = 200


@dataclass(frozen=True)
class Costs:
    """Processor seconds and bytes of memory. `connection`: one ssh process from start to end; `curve25519`: the same
    with that key exchange, where OpenSSH's default also guards against quantum computers; `call`: one over a connection
    that stands; `sent_byte`: rsync and its ssh; `own_box`: the workstation's program for one whole box; `program`:
    with no box; `box_at_work`: a thread, an rsync and its ssh."""

    measured: str
    connection: float
    curve25519: float
    call: float
    sent_byte: float
    own_box: float
    program: float
    waiting_box: float
    box_at_work: float


def read(file: Path = FILE) -> Costs:
    return Costs(**read_json(file))


def measure(address: str, ssh_config: str, measured: str) -> dict[str, Any]:
    """All of them, on this machine; `address` is anything that ssh reaches and that has rsync."""
    link = Link(address, ssh_config)
    connection, curve25519 = connecting(link), connecting(link, "-o", "KexAlgorithms=curve25519-sha256")
    call = calling(link)
    sent_byte, pair = sending(link)
    own_box, program, waiting_box = own_program(1000)
    at_work = thread_memory() + pair
    return asdict(Costs(measured, connection, curve25519, call, sent_byte, own_box, program, waiting_box, at_work))


def calling(link: Link) -> float:
    """Processor seconds of one ssh over a connection that another one keeps."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        shared = replace(link, control=folder)
        renewer = subprocess.Popen(commands.ssh(shared, ["cat"]), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            while not list(Path(folder).iterdir()):
                time.sleep(0.1)
            return least(commands.ssh(shared, ["true"]))
        finally:
            subprocess.run(commands.close(shared), check=False, capture_output=True)
            renewer.communicate()


def connecting(link: Link, *options: str) -> float:
    """Processor seconds of one ssh with a connection of its own."""
    command = commands.ssh(link, ["true"])
    command[1:1] = options
    return least(command)


def least(command: Sequence[str]) -> float:
    """Processor seconds of a command: of several batches the least, since a busy machine adds to them."""
    batches = []
    for _ in range(BATCHES):
        cpu = children()
        for _ in range(BATCH):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        batches.append((children() - cpu) / BATCH)
    return min(batches)


def sending(link: Link) -> tuple[float, float]:
    """Processor seconds for a byte, and the memory of an rsync with its ssh."""
    with tempfile.TemporaryDirectory() as here:
        file = Path(here) / "content"
        file.write_bytes(os.urandom(SENT))
        there = f"{commands.rsync_host(link.address)}:{here}.sent"
        whole = ["rsync", "--whole-file", "--ignore-times", f"--rsh={shlex.join(commands.ssh_program(link))}"]
        spent = []
        for _ in range(BATCHES):
            cpu = children()
            subprocess.run([*whole, str(file), there], check=True, capture_output=True)
            spent.append(children() - cpu)
        with subprocess.Popen([*whole, "--bwlimit=4000", str(file), there], stderr=subprocess.DEVNULL) as slow:
            time.sleep(3)
            memory = sum(one.memory_full_info().pss for one in family(slow.pid))
            slow.terminate()
        subprocess.run(commands.ssh(link, ["rm", "-f", f"{here}.sent"]), check=True, capture_output=True)
    return min(spent) / SENT, float(memory)


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def thread_memory() -> float:
    """Of one thread that waits for its box."""
    gate = threading.Event()
    threads = [threading.Thread(target=gate.wait) for _ in range(HELD_THREADS)]
    before = psutil.Process().memory_info().rss
    for thread in threads:
        thread.start()
    grown = psutil.Process().memory_info().rss - before
    gate.set()
    for thread in threads:
        thread.join()
    return grown / HELD_THREADS


def own_program(boxes: int) -> tuple[float, float, float]:
    """Processor seconds for a box, bytes with none, bytes for a box: a whole run, its journal and history written."""
    before = float(psutil.Process().memory_info().rss)
    with tempfile.TemporaryDirectory() as here:
        staged = empty_release(Path(here))
        fleet = Fleet("scale", "scale", tuple(Box(f"box-{number:05}") for number in range(boxes)), pause=0)
        workspace = InstantWorkspace(Path(here) / "build", fleet)
        options = DeployOptions(workspace.owner, 60, "signers")
        task = Task("deploy", [staged.release], [], options, lambda box, session: Deploy(session, box, [staged]))
        cpu = time.process_time()
        report = run.carry_out(workspace, task, Silent(), None)
        spent = time.process_time() - cpu
        assert not report.failed
        grown = psutil.Process().memory_info().rss - before
    return spent / boxes, before, max(0.0, grown / boxes)


def empty_release(folder: Path) -> StagedRelease:
    (folder / "out/blobs").mkdir(parents=True)
    return StagedRelease("r2", "m 1", "linux_aarch64", "3.11", b"{}", b"program", folder / "out", folder)


class InstantWorkspace(Workspace):
    def remote(self, box: Box) -> Remote:
        return InstantRemote()


class Silent(Lines):
    """Ten thousand lines are no part of what is measured."""

    told = wave = ignore  # type: ignore[assignment]


class InstantRemote:
    """A box that does everything at once."""

    def __init__(self) -> None:
        self.traffic = 0
        self._confirmed = "r1"

    def probe(self) -> Facts:
        return Facts("aarch64", "3.11", 64, True, (), True, "other")

    def install(self, program: bytes, sha256: str) -> None:
        """Nothing is kept."""

    def call(
        self,
        verb: str,
        *arguments: str,
        stdin: bytes = b"",
        heard: Callable[[Event], None] = ignore,
        stoppable: bool = True,
        fresh: bool = False,
    ) -> Event:
        if verb == "activate":
            for step in ("verify", "space", "switch", "start", "gate", "confirm"):
                heard({"event": "step", "step": step})
        state = {"confirmed": self._confirmed, "release": self._confirmed, "answers": True}
        return {"ok": True, "missing": [], "bytes": 0, "how": "restart", "waiting": True} | state

    def close(self) -> None:
        """It was never open."""

    def send(self, folder: Path, files: Sequence[str], progress: Callable[[float], None]) -> None:
        for percent in range(0, 101, 10):
            progress(percent / 100)
