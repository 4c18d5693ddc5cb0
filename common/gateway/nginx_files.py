"""The folder that a gateway's nginx is started from, and what nginx says of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import durable
from common.errors import KitError
from common.gateway import nginx_conf
from common.gateway.nginx_conf import CERTIFICATE, CLIENT_CA, LOGS, METRICS, PRIVATE_KEY, WRITTEN, Gateway

# Where both lie in the kit's own tree, and in a release's folder.
SOURCES, SCRIPTS = Path("config/nginx"), Path("gateway")
# The pictures that its health is asked about; the next export must not change them.
GOLDEN = "golden"
OPENAPI, PAGE = "openapi.json", "page"
# `nginx: [emerg] `, or with a time and `[emerg] 4711#0: `
BEFORE_CAUSE = re.compile(r"^.*\[(?:emerg|alert)\] (?:\d+#\d+: )?|^nginx: ")
SETTINGS = ("settings.json", "nginx.conf")
PROGRAM = "nginx"  # a link to it, so that a reload takes the one that was started


@dataclass(frozen=True)
class Pem:
    """A certificate with its private key."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Files:
    """What a gateway is started from, beside its nginx.conf. `tree` holds SOURCES and SCRIPTS; `settings` is what the
    scripts read; `metrics` the socket of who watches the server; `golden` a folder of pictures for each model,
    none where another tells its health."""

    tree: Path
    program: Path
    conf: Gateway
    settings: Mapping[str, Any]
    metrics: Path
    golden: Mapping[str, Path] = field(default_factory=dict)
    certificate: Pem | None = None
    client_ca: bytes = b""


def sources(tree: Path) -> list[Path]:
    """Every file of a tree that a gateway is made of."""
    found = [*(tree / SOURCES).glob("*.conf"), *(tree / SCRIPTS).rglob("*.js"), tree / SCRIPTS / OPENAPI]
    return sorted({*found, *(path for path in (tree / SCRIPTS / PAGE).iterdir() if path.is_file())})


def write(folder: Path, files: Files) -> None:
    """Everything in one folder, so that a running gateway does not change with the tree it came from."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("js", PAGE, *WRITTEN):
        (folder / part).mkdir(exist_ok=True, mode=0o700 if part in WRITTEN else 0o755)
    for source in sources(files.tree):
        if source.parent.name == PAGE:
            shutil.copyfile(source, folder / PAGE / source.name)
        else:
            shutil.copyfile(source, (folder if source.suffix == ".conf" else folder / "js") / source.name)
    if files.certificate:
        show(folder, files.certificate)
    if files.client_ca:
        durable.write(folder / CLIENT_CA, files.client_ca)
    places = {"openapi": folder / "js" / OPENAPI, "logs": folder / LOGS}
    if files.golden:
        places["golden"] = folder / GOLDEN
        for model, pictures in files.golden.items():
            shutil.copytree(pictures, folder / GOLDEN / model, dirs_exist_ok=True)
    settings = {**files.settings, **{name: str(place) for name, place in places.items()}}
    contents = json.dumps(settings, indent=1), nginx_conf.render(files.conf)
    for name, content in zip(SETTINGS, contents, strict=True):
        durable.write(folder / name, content.encode())
    for name, target in ((PROGRAM, files.program), (METRICS, files.metrics)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)


def show(folder: Path, certificate: Pem) -> bool:
    """Put it where nginx reads it. False when it is there already."""
    durable.write_changed(folder / PRIVATE_KEY, certificate.key, mode=0o600)
    return durable.write_changed(folder / CERTIFICATE, certificate.certificate)


def command(folder: Path) -> list[str]:
    return [str(folder / PROGRAM), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]


def check(folder: Path, user: str | None = None) -> None:
    """Raises KitError for settings that nginx does not take; a running one goes on with those that it has. `user`: whom
    it runs as, for whoever asks as root."""
    tried = subprocess.run(
        [*command(folder), "-t"], cwd=folder, capture_output=True, text=True, errors="replace", user=user, group=user
    )
    if tried.returncode:
        cause = first_cause(tried.stderr)
        raise KitError(f"nginx does not take its new settings: {cause}", "the old ones are in force")


def first_cause(said: str) -> str:
    """Why it does not start, of what it printed."""
    lines = [line for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "[emerg]" in line or "[alert]" in line]
    return BEFORE_CAUSE.sub("", (fatal or lines)[0]) if lines else "it says no reason"
