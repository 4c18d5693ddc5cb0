"""What ssh says when there is no connection: is it worth another try, and what is the operator to do? Pure."""

from __future__ import annotations

import re
import shlex

from kit.fleet.ssh.words import last_line

# Said before there is a session, so that nothing can have happened at the other end. A firewall that limits
# connections (`ufw limit ssh`: six in 30 s) refuses, or drops; sshd and jump hosts at their limits (MaxStartups) close.
REFUSED = re.compile(
    r"connect to host .*: Connection refused|kex_exchange_identification|ssh_exchange_identification|"
    r"^Connection (closed|reset) by \S+ port \d+|Not allowed at this time|Session open refused by peer",
    re.MULTILINE,
)
SILENT = re.compile(r"connect to host .*: (Connection|Operation) timed out|timed out during banner exchange")
# Seconds before each further try. A firewall's limit counts the tries that it refuses, too, so the last pause outlasts
# its 30 s.
REFUSED_PAUSES = (3.0, 10.0, 35.0)
# A box that is off is silent as well, and each try takes ten seconds to find out.
SILENT_PAUSES = (5.0,)
# What says more than ssh's last line, which behind a jump host is "Connection closed by UNKNOWN port 65535".
CAUSE = re.compile(r"^(ssh: .*|channel \d+: open failed: .*|\w+_exchange_identification: .*)", re.MULTILINE)
HOST_KEY_CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"
HOST_KEY_PLACE = re.compile(r"^Offending \S+ key in (.+):\d+\s*$", re.MULTILINE)
# The name that the file knows it by: without a user, with a port that is not 22, and what an alias stands for.
HOST_KEY_NAME = re.compile(r"^Host key for (\S+) has changed", re.MULTILINE)
# All that ssh says of an unknown one where it may not ask; a changed or revoked one has a banner before it.
HOST_KEY_UNKNOWN = re.compile(r"(\A|No \S+ host key is known for .*)\s*^Host key verification failed", re.MULTILINE)


def pause(stderr: str, tried: int) -> float | None:
    """Seconds until the next try after `tried` ones, None when there is none to be made."""
    if HOST_KEY_CHANGED in stderr:
        return None
    pauses = REFUSED_PAUSES if REFUSED.search(stderr) else SILENT_PAUSES if SILENT.search(stderr) else ()
    return pauses[tried - 1] if tried <= len(pauses) else None


def forgetting(stderr: str, address: str) -> str:
    """The command that takes the old key out of the file that has it."""
    place, name = HOST_KEY_PLACE.search(stderr), HOST_KEY_NAME.search(stderr)
    file = ["-f", place[1]] if place else []
    return shlex.join(["ssh-keygen", *file, "-R", name[1] if name else address.rpartition("@")[2]])


def words(stderr: str, address: str) -> str:
    """Why there is no link, and what to do where ssh's own last line does not say so."""
    if HOST_KEY_CHANGED in stderr:
        return (
            "its host key is another one than this workstation knows: it was reinstalled, or somebody sits between "
            f"→ when you know which it is: {forgetting(stderr, address)}, and log in once by hand"
        )
    if HOST_KEY_UNKNOWN.search(stderr):
        return f"this workstation does not know its host key yet → log in once by hand: ssh {address}"
    causes = CAUSE.findall(stderr)  # one for each address of the host
    return causes[-1].strip() if causes else last_line(stderr) or "ssh ended with 255"
