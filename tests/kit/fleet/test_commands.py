"""What would be run, as data."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

from kit.fleet.ssh import commands
from kit.fleet.ssh.commands import Link
from kit.fleet.ssh.facts import read_facts
from kit.fleet.ssh.remote import read_event
from kit.fleet.ssh.words import last_line

PI = Link("pi@shelf-01", sudo=("sudo", "-n"))


def options(built: list[str]) -> list[str]:
    return [built[at + 1] for at, word in enumerate(built) if word == "-o"]


def test_ssh_asks_nothing_and_takes_no_option_for_an_address() -> None:
    built = commands.call(PI, "confirm", ["r1", "--owner", "ann@workstation:7"])
    assert built[:2] == ["ssh", "-T"]
    assert options(built) == [
        *("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=10", "ServerAliveCountMax=3"),
        *("ControlMaster=no", "ControlPath=none"),
    ]
    assert built[-3:] == [
        "--",
        "pi@shelf-01",
        "sudo -n python3 /opt/vision-serve/box.pyz confirm r1 --owner ann@workstation:7",
    ]


def test_calls_share_a_connection_and_the_confirm_has_its_own() -> None:
    shared = replace(PI, control="/run/x")
    assert options(commands.call(shared, "status"))[-3:] == [
        *("ControlMaster=auto", "ControlPath=/run/x/%C", "ControlPersist=30"),
    ]
    assert options(commands.call(shared, "confirm", fresh=True))[-2:] == ["ControlMaster=no", "ControlPath=none"]
    assert "ControlPath=/run/x/%C" in " ".join(commands.rsync(shared, Path("/staging")))


def test_what_has_spaces_or_quotes_arrives_as_one_argument() -> None:
    built = commands.call(PI, "lock", ["--owner", "ann's workstation; rm -rf /"])
    assert shlex.split(built[-1])[-1] == "ann's workstation; rm -rf /"


def test_root_needs_no_sudo() -> None:
    assert commands.call(replace(PI, sudo=()), "status")[-1] == "python3 /opt/vision-serve/box.pyz status"


def test_the_users_ssh_config_is_the_default_and_another_can_be_named() -> None:
    assert "-F" not in commands.probe(PI)
    named = replace(PI, ssh_config="/home/ann/my config")
    assert commands.probe(named)[2:4] == ["-F", "/home/ann/my config"]
    (rsh,) = [word for word in commands.rsync(named, Path("/out")) if word.startswith("--rsh=")]
    assert shlex.split(rsh.removeprefix("--rsh="))[:4] == ["ssh", "-T", "-F", "/home/ann/my config"]


def test_rsync_goes_on_where_it_was_through_the_same_ssh_and_as_root() -> None:
    built = commands.rsync(PI, Path("/out"))
    assert {"--partial-dir=.partial", "--files-from=-", "--rsync-path=sudo -n rsync"} <= set(built)
    assert built[-2:] == ["/out/", "pi@shelf-01:/opt/vision-serve/incoming/"]
    assert not any(word.startswith("--bwlimit") for word in built)
    assert "--bwlimit=500" in commands.rsync(PI, Path("/out"), 500)


def test_rsync_takes_an_ipv6_address_in_brackets() -> None:
    assert commands.rsync_host("pi@fe80::1%eth0") == "pi@[fe80::1%eth0]"
    assert commands.rsync_host("shelf-01") == "shelf-01"


def test_the_probe_runs_in_any_shell_and_says_what_there_is() -> None:
    done = subprocess.run(["sh", "-c", commands.PROBE, "probe", "/no/such/file"], capture_output=True, text=True)
    facts = read_facts(done.stdout.splitlines())
    assert (facts.machine != "", facts.bits, facts.program) == (True, 64, "")


def test_a_box_with_nothing_is_read_as_such() -> None:
    facts = read_facts(["Welcome to shelf-01", "machine=armv7l", "python=", "sudo=sudo -n", "root=", "rsync="])
    assert (facts.machine, facts.python, facts.bits, facts.root, facts.rsync) == ("armv7l", "", 0, False, False)
    assert facts.sudo == ("sudo", "-n")


def test_a_greeting_is_no_event() -> None:
    assert read_event("Linux shelf-01 6.1") is None
    assert read_event("[1]") is None
    assert read_event('{"event": "result", "ok": true}') == {"event": "result", "ok": True}
    assert last_line("one\ntwo\n\n") == "two"


def test_this_machine_is_reached_without_ssh() -> None:
    here = Link(commands.HERE, sudo=("sudo", "-n"))
    assert commands.call(here, "status") == ["sudo", "-n", "python3", commands.PROGRAM, "status"]
    built = commands.rsync(here, Path("/out"))
    assert built[:3] == ["sudo", "-n", "rsync"]
    assert built[-2:] == ["/out/", commands.INCOMING]
    assert not any("rsh" in word or "ssh" in word for word in built)
