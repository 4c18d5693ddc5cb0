"""What Prometheus and Alertmanager are started from: config/monitoring as it stands, and what is of here."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi

from kit.files import write_json, write_text
from kit.profiles import CONFIG as CONFIGS

CONFIG = CONFIGS / "monitoring"
TARGETS, ALERTMANAGERS, KEY, AUTHORITY = "targets.json", "alertmanagers.json", "key", "authority.pem"


@dataclass(frozen=True)
class Target:
    """A gateway to scrape: `address` is `host:port`; `box` and `fleet` are what alerts and dashboards call it."""

    box: str
    fleet: str
    address: str
    tls: bool


def discovery(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """As `file_sd_configs` takes it. `__scheme__` is Prometheus's own label for it."""
    return [
        {
            "targets": [target.address],
            "labels": {"box": target.box, "fleet": target.fleet, "__scheme__": "https" if target.tls else "http"},
        }
        for target in targets
    ]


def write(folder: Path, targets: Sequence[Target], key: str, authority: Path, alertmanager: str) -> None:
    """`key`: a client's, for all of them; `authority`: the kit's own, PEM, which is trusted beside the public ones;
    `alertmanager`: `host:port`. The folder is for its user only. A Prometheus that runs reads the targets again by
    itself."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    shutil.copytree(CONFIG, folder, dirs_exist_ok=True)
    write_text(folder / KEY, key, mode=0o600)
    own = authority.read_text(encoding="ascii") if authority.exists() else ""
    write_text(folder / AUTHORITY, own + Path(certifi.where()).read_text(encoding="utf-8"), mode=0o600)
    write_json(folder / ALERTMANAGERS, [{"targets": [alertmanager]}])
    write_json(folder / TARGETS, discovery(targets))
