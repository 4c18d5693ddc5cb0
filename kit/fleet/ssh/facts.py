"""What the workstation asks of a box before anything else (commands.PROBE), and what its answer says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.fleet.ssh import commands, transport
from kit.fleet.ssh.words import last_line


@dataclass(frozen=True)
class Facts:
    """What a box is. `bits` is its python3's pointer size, 0 when it has none; `root` whether commands can run as root;
    `boot` is another after each start of the machine.

    `program` is the sha256 of box.pyz, "" when it is missing or not whole; `whole` the place of a copy that is, "" for
    none; `damaged`: something of it lies there, so that this is not a bare box."""

    machine: str
    python: str
    bits: int
    root: bool
    sudo: tuple[str, ...]
    rsync: bool
    program: str
    boot: str = ""
    whole: str = ""
    damaged: bool = False

    @property
    def bare(self) -> bool:
        return not self.program and not self.damaged


def unread(lines: Sequence[str], finished: transport.Finished) -> str:
    """Why the probe's words are not to be believed, "" when they are: it did not run there, or not to its end."""
    if "probe=begun" in lines and "probe=done" in lines:
        return ""
    said = last_line(finished.stderr) or last_line("\n".join(line for line in lines if not line.startswith("probe=")))
    return (
        f"a login works, and no command runs there: it ended with {finished.status}{f' ({said})' if said else ''} → "
        "give the ssh user a login shell that runs commands, an rc file that does not exit, no forced command"
    )


def read_facts(lines: Sequence[str]) -> Facts:
    """The probe's `key=value` lines; what a box has no word for is ""."""
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    version, _, bits = said.get("python", "").partition(" ")
    whole = said.get("whole", "")
    return Facts(
        machine=said.get("machine", ""),
        python=version,
        bits=int(bits) if bits.isdigit() else 0,
        root=said.get("root") == "0",
        sudo=tuple(said.get("sudo", "").split()),
        rsync=bool(said.get("rsync")),
        program=said.get("program", "") if whole == commands.PROGRAM else "",
        boot=said.get("boot", ""),
        whole=whole,
        damaged=bool(said.get("there")) and whole != commands.PROGRAM,
    )
