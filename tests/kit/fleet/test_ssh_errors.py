"""Which of ssh's words are worth another try, and what is told of the others."""

from __future__ import annotations

import pytest

from kit.fleet.ssh import errors
from kit.fleet.ssh.errors import REFUSED_PAUSES, SILENT_PAUSES, pause, words


@pytest.mark.parametrize(
    "stderr",
    [
        "ssh: connect to host 10.0.0.1 port 22: Connection refused",
        "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 10.0.0.1 port 22",
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535",
        "Connection closed by 10.0.0.1 port 22",
        "ssh_exchange_identification: Connection closed by remote host",
    ],
)
def test_what_is_refused_is_tried_again_and_outlasts_a_firewalls_limit(stderr: str) -> None:
    assert tuple(pause(stderr, tried) for tried in (1, 2, 3)) == REFUSED_PAUSES
    assert pause(stderr, 4) is None
    assert REFUSED_PAUSES[-1] > 30


def test_a_box_that_is_off_does_not_take_minutes() -> None:
    off = "ssh: connect to host 10.0.0.1 port 22: Connection timed out"
    assert pause(off, 1) == SILENT_PAUSES[0]
    assert pause(off, 2) is None


@pytest.mark.parametrize(
    "stderr",
    [
        "pi@shelf-01: Permission denied (publickey).",
        "ssh: Could not resolve hostname shelf-01: Name or service not known",
        "ssh: connect to host 10.0.0.1 port 22: No route to host",
        f"@ WARNING: {errors.HOST_KEY_CHANGED}! @\nHost key verification failed.",
        # Said after a session began: whatever was asked may have been done.
        "Connection to shelf-01 closed by remote host.",
        "Timeout, server shelf-01 not responding.",
        "client_loop: send disconnect: Broken pipe",
        "",
    ],
)
def test_what_is_definite_is_told_at_once(stderr: str) -> None:
    assert pause(stderr, 1) is None


CHANGED = f"""\
@    WARNING: {errors.HOST_KEY_CHANGED}!     @
Offending ED25519 key in /srv/my keys/known_hosts:7
Host key for [10.0.0.1]:2222 has changed and you have requested strict checking.
Host key verification failed.
"""


def test_a_changed_host_key_is_forgotten_where_ssh_found_it() -> None:
    forget = "ssh-keygen -f '/srv/my keys/known_hosts' -R '[10.0.0.1]:2222', and log in"
    assert forget in words(CHANGED, "pi@shelf-01")
    assert "ssh-keygen -R shelf-01, and" in words(f"{errors.HOST_KEY_CHANGED}!", "pi@shelf-01")


@pytest.mark.parametrize(
    "said", ["", "No ED25519 host key is known for [b]:22 and you have requested strict checking.\r\n"]
)
def test_an_unknown_host_key_wants_a_login_by_hand(said: str) -> None:
    assert "log in once by hand: ssh pi@b" in words(f"{said}Host key verification failed.\r\n", "pi@b")


@pytest.mark.parametrize(
    "cause",
    [
        "channel 0: open failed: connect failed: No route to host",
        "ssh: connect to host jump port 22: Connection refused",
        "kex_exchange_identification: Connection closed by remote host",
    ],
)
def test_behind_a_jump_host_the_cause_is_not_in_the_last_line(cause: str) -> None:
    said = ["A banner", cause, "stdio forwarding failed", "Connection closed by UNKNOWN port 65535", ""]
    assert words("\r\n".join(said), "x") == cause


def test_the_words() -> None:
    revoked = "@       WARNING: REVOKED HOST KEY DETECTED!     @\nHost key verification failed."
    assert words(revoked, "x") == "Host key verification failed."
    assert words("noise\nlast line\n", "x") == "last line"
    assert words("", "x") == "ssh ended with 255"
