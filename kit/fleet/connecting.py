"""What ssh says when there is no connection: is it worth another try, and what is the operator to do? Pure."""

from __future__ import annotations

import re

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
HOST_KEY_CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"
HOST_KEY_UNKNOWN = re.compile(r"No \S+ host key is known for (\S+) and you have requested strict checking")


def pause(stderr: str, tried: int) -> float | None:
    """Seconds until the next try after `tried` ones, None when there is none to be made."""
    if HOST_KEY_CHANGED in stderr:
        return None
    pauses = REFUSED_PAUSES if REFUSED.search(stderr) else SILENT_PAUSES if SILENT.search(stderr) else ()
    return pauses[tried - 1] if tried <= len(pauses) else None


def words(stderr: str, host: str) -> str:
    """Why there is no link, and what to do where ssh's own last line does not say so."""
    if HOST_KEY_CHANGED in stderr:
        return (
            "its host key is another one than this desk knows: it was installed anew, or somebody sits between → when "
            f"you know which it is: ssh-keygen -R {host}, and log in once by hand"
        )
    if HOST_KEY_UNKNOWN.search(stderr):
        return f"this desk does not know its host key yet → log in once by hand: ssh {host}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh ended with 255"
