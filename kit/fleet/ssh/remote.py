"""One box, as the workstation talks to it.

LinkLost        no connection, or it broke off: nothing is known of what the box did after
BoxError        the box was reached and something there does not work
├── NoShell     a login there runs no command
└── NoResult    its program gave no answer
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kit.fleet.ssh import commands, errors, tied_process, transport
from kit.fleet.ssh.commands import Link
from kit.fleet.ssh.facts import Facts, read_facts, unread
from kit.fleet.ssh.words import last_line

Event = Mapping[str, Any]
NO_LINK = 255
# rsync's own: a socket, a protocol stream or a time-out broke off, or its ssh ended with 255.
RSYNC_NO_LINK = (10, 12, 30, 35, NO_LINK)
DISK_FULL = "No space left on device"
PERCENT = re.compile(r"\s(\d+)%\s")
TOTAL = re.compile(r"Total bytes (?:sent|received): (\d+)")
SHORT = 120.0
# On a small box with an SD card unpacking torch takes minutes, and a gate may take its 130 s and more.
LONG = 3600.0
LONG_VERBS = ("receive", "activate", "rollback", "revert", "confirm")


class LinkLost(Exception):
    pass


class BoxError(Exception):
    """`log` is the last lines of the box's own log, when it sent them along."""

    def __init__(self, message: str, log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log = tuple(log)


class NoResult(BoxError):
    pass


class NoShell(BoxError):
    pass


class Remote(Protocol):
    """`traffic` counts the bytes that went over the link in both directions, before ssh's encryption."""

    traffic: int

    def probe(self) -> Facts: ...

    def install(self, program: bytes, sha256: str) -> None: ...

    def call(
        self,
        verb: str,
        *arguments: str,
        stdin: bytes = b"",
        heard: Callable[[Event], None] = ...,
        stoppable: bool = True,
        fresh: bool = False,
    ) -> Event: ...

    def send(self, folder: Path, files: Sequence[str], progress: Callable[[float], None]) -> None: ...

    def close(self) -> None: ...


def ignore(*_: object) -> None:
    """Nobody listens."""


class SshRemote:
    """A box over OpenSSH and rsync. All calls share one connection, which ends when it was idle for a while, but for
    those that are to prove the network (`fresh`)."""

    def __init__(self, link: Link, stopping: threading.Event, bwlimit: int = 0) -> None:
        self.link, self.traffic = link, 0
        self._stopping, self._bwlimit = stopping, bwlimit

    def probe(self) -> Facts:
        """Raises LinkLost, NoShell."""
        lines: list[str] = []
        finished = self._ssh(commands.probe(self.link), commands.PROBE.encode(), lines.append, SHORT)
        if why := unread(lines, finished):
            raise NoShell(why)
        facts = read_facts(lines)
        self.link = replace(self.link, sudo=facts.sudo, program=facts.whole or commands.PROGRAM)
        return facts

    def install(self, program: bytes, sha256: str) -> None:
        """Put box.pyz in place. Raises LinkLost, BoxError."""
        finished = self._ssh(commands.install_program(self.link, sha256), program, ignore, SHORT)
        if finished.status:
            raise BoxError(f"the program could not be installed: {last_line(finished.stderr)}")
        self.link = replace(self.link, program=commands.PROGRAM)

    def call(
        self,
        verb: str,
        *arguments: str,
        stdin: bytes = b"",
        heard: Callable[[Event], None] = ignore,
        stoppable: bool = True,
        fresh: bool = False,
    ) -> Event:
        """Its result; `ok` in it may be false. `fresh`: over a connection of its own, tried once. Raises LinkLost,
        NoResult, transport.OperatorStopped."""
        results: list[Event] = []

        def take(line: str) -> None:
            event = read_event(line)
            if event is not None:
                (results.append if event.get("event") == "result" else heard)(event)

        timeout = LONG if verb in LONG_VERBS else SHORT
        command = commands.call(self.link, verb, arguments, fresh)
        finished = self._ssh(command, stdin, take, timeout, stoppable, patient=not fresh)
        if not results:
            raise NoResult(f"box.pyz {verb} gave no result: {last_line(finished.stderr) or f'exit {finished.status}'}")
        return results[-1]

    def send(self, folder: Path, files: Sequence[str], progress: Callable[[float], None]) -> None:
        """Bring files of `folder` to the box's incoming folder. Raises LinkLost, BoxError,
        transport.OperatorStopped."""

        def take(line: str) -> None:
            if found := PERCENT.search(line):
                progress(int(found[1]) / 100)
            elif total := TOTAL.match(line):
                self.traffic += int(total[1])

        names = "".join(f"{name}\n" for name in files).encode()
        command = tied_process.command(commands.rsync(self.link, folder, self._bwlimit))
        finished = self._run(command, names, take, LONG)
        if finished.status == 0 and not finished.timed_out:
            return
        # rsync's last line only says that there was an error; the first one says which.
        said = [line for line in finished.stderr.splitlines() if line.strip()] or ["rsync ended"]
        error = next((line for line in said if DISK_FULL in line), said[0])
        if DISK_FULL not in error and (finished.status in RSYNC_NO_LINK or finished.timed_out):
            raise LinkLost(error)
        raise BoxError(f"rsync: {error}")

    def close(self) -> None:
        """End the connection that calls share. The next call makes another."""
        if self.link.control:
            transport.run(commands.close(self.link), b"", ignore, SHORT)

    def _ssh(
        self,
        arguments: Sequence[str],
        stdin: bytes,
        heard: Callable[[str], None],
        timeout: float,
        stoppable: bool = True,
        patient: bool = True,
    ) -> transport.Finished:
        finished = self._run(arguments, stdin, heard, timeout, stoppable, patient)
        self.traffic += finished.sent + finished.received
        if finished.status == NO_LINK:
            raise LinkLost(errors.words(finished.stderr, self.link.address))
        if finished.timed_out:
            raise LinkLost(f"no answer within {timeout:g} s")
        return finished

    def _run(
        self,
        arguments: Sequence[str],
        stdin: bytes,
        heard: Callable[[str], None],
        timeout: float,
        stoppable: bool = True,
        patient: bool = True,
    ) -> transport.Finished:
        """Where there was no connection at all, tried again with growing pauses. Raises transport.OperatorStopped."""
        stopping = self._stopping if stoppable else None
        tried = 0
        while True:
            finished = transport.run(arguments, stdin, heard, timeout, stopping)
            tried += 1
            lost = finished.status in RSYNC_NO_LINK and not finished.received
            pause = errors.pause(finished.stderr, tried) if lost and patient else None
            if pause is None:
                return finished
            if (stopping or threading.Event()).wait(pause):
                raise transport.OperatorStopped


def read_event(line: str) -> Event | None:
    """A JSON line of the program; None for anything else (a shell's greeting)."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
