"""Argument lists for ssh and rsync, and what runs at the other end. Pure: built and tested as data, run elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "/opt/vision-serve/box.pyz"
INCOMING = "/opt/vision-serve/incoming/"
PARTIAL = ".partial"
# No questions (nobody is there to answer), a connection of its own each time (a confirm over the link that the
# activation came by would prove nothing), and a dead link noticed within 30 s.
SSH_OPTIONS = (
    *("-o", "BatchMode=yes"),
    *("-o", "ConnectTimeout=10"),
    *("-o", "ControlMaster=no"),
    *("-o", "ControlPath=none"),
    *("-o", "ServerAliveInterval=10"),
    *("-o", "ServerAliveCountMax=3"),
)
# What the desk wants to know of a box, as one `key=value` a line. Needs nothing but a shell.
PROBE = """
echo machine=$(uname -m)
ask='import struct, sys; print("%d.%d" % sys.version_info[:2], struct.calcsize("P") * 8)'
echo python=$(python3 -c "$ask" 2>/dev/null)
sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
echo sudo=$sudo
echo root=$($sudo id -u 2>/dev/null)
echo rsync=$(command -v rsync)
echo boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
echo program=$($sudo sha256sum "$1" 2>/dev/null | cut -c1-64)
"""
# Whole or absent: checked against its hash ($2), on the disk before it takes its name ($1).
INSTALL = """
set -e
umask 022
mkdir -p "${1%/*}"
trap 'rm -f "$1.$$"' EXIT
cat > "$1.$$"
if ! echo "$2  $1.$$" | sha256sum -c --status; then echo "the program did not arrive whole" >&2; exit 1; fi
chmod 755 "$1.$$"
sync "$1.$$"
mv "$1.$$" "$1"
"""


@dataclass(frozen=True)
class Link:
    """How one box is reached: an address as ssh takes it, an ssh config ("" for the user's), what makes one root."""

    address: str
    ssh_config: str = ""
    sudo: tuple[str, ...] = ()


def ssh(link: Link, command: Sequence[str]) -> list[str]:
    """`command` is quoted for the shell at the other end: ssh joins its arguments with spaces."""
    return [*ssh_program(link), "--", link.address, shlex.join(command)]


def ssh_program(link: Link) -> list[str]:
    config = ["-F", link.ssh_config] if link.ssh_config else []
    return ["ssh", "-T", *config, *SSH_OPTIONS]


def probe(link: Link) -> list[str]:
    return ssh(link, ["sh", "-c", PROBE, "probe", PROGRAM])


def install_program(link: Link, sha256: str) -> list[str]:
    """The program's bytes come on stdin."""
    return ssh(link, [*link.sudo, "sh", "-c", INSTALL, "install", PROGRAM, sha256])


def call(link: Link, verb: str, arguments: Sequence[str] = ()) -> list[str]:
    """One verb of the program on the box, as root."""
    return ssh(link, [*link.sudo, "python3", PROGRAM, verb, *arguments])


def rsync(link: Link, folder: Path, bwlimit: int = 0) -> list[str]:
    """Send files of `folder`, named on stdin, to the box's incoming folder. What an interrupted run left is gone on
    with; a file of the same size and time lies there already (the hashes are checked at the other end)."""
    remote = shlex.join(["rsync"] if not link.sudo else [*link.sudo, "rsync"])
    return [
        "rsync",
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
        f"--rsync-path={remote}",
        f"--rsh={shlex.join(ssh_program(link))}",
        f"{folder}/",
        f"{rsync_host(link.address)}:{INCOMING}",
    ]


def rsync_host(address: str) -> str:
    """rsync ends the host at the first colon, so an IPv6 address goes in brackets."""
    user, at, host = address.rpartition("@")
    return f"{user}{at}[{host}]" if ":" in host else address
