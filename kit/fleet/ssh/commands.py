"""Argument lists for ssh and rsync, and what runs at the other end. Pure: built and tested as data, run elsewhere.

A login shell reads each command line there, be it bash, tcsh or fish: one line, with no quoting that they read
differently.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import program_copies

HERE = "here"  # the address of this machine, which is reached without ssh
PROGRAM = "/opt/vision-serve/box.pyz"
INCOMING = "/opt/vision-serve/incoming/"
PARTIAL = ".partial"
# No questions (nobody is there to answer), and a dead link noticed within 30 s.
SSH_OPTIONS = (
    *("-o", "BatchMode=yes"),
    *("-o", "ConnectTimeout=10"),
    *("-o", "ServerAliveInterval=10"),
    *("-o", "ServerAliveCountMax=3"),
)
# A connection that nothing else uses, whatever the user's own ssh config says.
ALONE = ("-o", "ControlMaster=no", "-o", "ControlPath=none")
# Seconds that an idle connection is kept for the next command: from the preparation to the change of a small fleet.
PERSIST = 30
# What the workstation wants to know of a box, as one `key=value` a line. Comes on stdin, and needs nothing but a shell;
# the first and the last line prove that it ran, and ran whole.
PROBE = f"""
echo probe=begun
echo machine=$(uname -m)
ask='import struct, sys; print("%d.%d" % sys.version_info[:2], struct.calcsize("P") * 8)'
echo python=$(python3 -c "$ask" 2>/dev/null </dev/null)
sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
echo sudo=$sudo
echo root=$($sudo id -u </dev/null)
echo rsync=$(command -v rsync)
echo boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
echo there=$($sudo ls -d "$1" "${{1%/*}}/releases" 2>/dev/null </dev/null)
echo program=$($sudo sha256sum "$1" 2>/dev/null </dev/null | cut -c1-64)
echo whole=$($sudo python3 - 2>/dev/null <<'END'
{program_copies.FIND}
print(program)
END
)
echo probe=done
"""
# Whole or absent: checked against its hash ($2), on the disk before it takes its name ($1).
INSTALL = (
    'set -e; umask 022; mkdir -p "${1%/*}"; trap \'rm -f "$1.$$"\' EXIT; cat > "$1.$$"; '
    'if echo "$2  $1.$$" | sha256sum -c --status; then chmod 755 "$1.$$"; sync "$1.$$"; mv -T "$1.$$" "$1"; '
    'else echo "the program did not arrive whole" >&2; exit 1; fi'
)


@dataclass(frozen=True)
class Link:
    """How one box is reached: an address as ssh takes it, an ssh config ("" for the user's), what makes one root;
    `control`: the folder of the connections that are shared ("" to share none); `program`: what is called there."""

    address: str
    ssh_config: str = ""
    sudo: tuple[str, ...] = ()
    control: str = ""
    program: str = PROGRAM


def ssh(link: Link, command: Sequence[str], fresh: bool = False) -> list[str]:
    """`command` is quoted for the shell at the other end: ssh joins its arguments with spaces. `fresh`: over a
    connection of its own."""
    if link.address == HERE:
        return list(command)
    return [*ssh_program(link, fresh), "--", link.address, shlex.join(command)]


def ssh_program(link: Link, fresh: bool = False) -> list[str]:
    config = ["-F", link.ssh_config] if link.ssh_config else []
    shared = ("-o", "ControlMaster=auto", "-o", f"ControlPath={link.control}/%C", "-o", f"ControlPersist={PERSIST}")
    return ["ssh", "-T", *config, *SSH_OPTIONS, *(shared if link.control and not fresh else ALONE)]


def close(link: Link) -> list[str]:
    """End the shared connection. Without one it fails, and nothing is lost."""
    return [*ssh_program(link), "-O", "exit", "--", link.address]


def probe(link: Link) -> list[str]:
    """PROBE comes on stdin."""
    return ssh(link, ["sh", "-s", PROGRAM])


def install_program(link: Link, sha256: str) -> list[str]:
    """The program's bytes come on stdin."""
    return ssh(link, [*link.sudo, "sh", "-c", INSTALL, "install", PROGRAM, sha256])


def call(link: Link, verb: str, arguments: Sequence[str] = (), fresh: bool = False) -> list[str]:
    """One verb of the program on the box, as root."""
    return ssh(link, [*link.sudo, "python3", link.program, verb, *arguments], fresh)


def rsync(link: Link, folder: Path, bwlimit: int = 0) -> list[str]:
    """Send files of `folder`, named on stdin, to the box's incoming folder. What an interrupted run left is gone on
    with; a file of the same size and time lies there already (the hashes are checked at the other end)."""
    as_root = [*link.sudo, "rsync"]
    if link.address == HERE:
        program, places = as_root, [f"{folder}/", INCOMING]
    else:
        program = ["rsync", f"--rsync-path={shlex.join(as_root)}", f"--rsh={shlex.join(ssh_program(link))}"]
        places = [f"{folder}/", f"{rsync_host(link.address)}:{INCOMING}"]
    return [
        *program,
        "--times",
        f"--partial-dir={PARTIAL}",
        "--files-from=-",
        "--chmod=D0700,F0600",
        "--timeout=60",
        "--no-human-readable",
        "--info=progress2",
        "--stats",
        "--outbuf=L",
        *([f"--bwlimit={bwlimit}"] if bwlimit else []),
        *places,
    ]


def rsync_host(address: str) -> str:
    """rsync ends the host at the first colon, so an IPv6 address goes in brackets."""
    user, at, host = address.rpartition("@")
    return f"{user}{at}[{host}]" if ":" in host else address
