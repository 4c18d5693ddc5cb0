"""What the gateway in front of a release is started from, or what is missing for it."""

from __future__ import annotations

import os
import pwd
import time
from dataclasses import replace
from urllib.parse import urlsplit

import box
from box.gateway import certificate, nginx
from box.state import history, settings
from box.state.paths import Paths
from box.store import releases, signature
from common.errors import KitError
from common.gateway import address
from common.gateway.address import Address
from common.gateway.nginx_conf import MOST_PROCESSES, Gateway
from common.gateway.nginx_files import Files
from common.manifest import Manifest

# In memory, on a box that may have 100 MB there in all: then another is begun, and the one before kept.
LOG_BYTES = 1 << 20
DEPLOYMENTS = 3  # that the page names


def wanted(paths: Paths) -> Address | None:
    """Where box.json has it listen; with TLS also where a container was given a certificate."""
    where = address.parse(settings.load(paths).gateway_address)
    return replace(where, tls=True) if where and certificate.mounted(paths) else where


def lacking(paths: Paths, where: Address, manifest: Manifest | None) -> str:
    """Why there can be no gateway now, as a sentence; "" when there can."""
    if manifest is None:
        return "there is no release that it could stand before"
    if manifest.gateway is None:
        return f"{manifest.release} was bundled before there was one: deploy a newer bundle"
    if where.tls and certificate.load(paths) is None:
        return "it has no certificate: make certificates HOSTS=… on the workstation"
    return ""


def files(paths: Paths, where: Address, manifest: Manifest) -> Files:
    """Of a release that lacks nothing for it."""
    assert manifest.gateway
    chosen, release, shown = settings.load(paths), manifest.gateway, certificate.load(paths) if where.tls else None
    upstream = urlsplit(chosen.asking_address)
    fronts = {model.model.name: model.gateway for model in manifest.models if model.gateway}
    about = {"release": manifest.release, "signature": signed(paths, manifest.release)}
    if shown and shown.ends:
        about["certificate until"] = day(shown.ends)
    if deployed := last_deployments(paths):
        about["last deployments"] = deployed
    conf = Gateway(
        listen=where.listen,
        tls=where.tls,
        client_ca=bool(shown and shown.client_ca),
        upstream=f"{upstream.hostname}:{upstream.port}",
        in_flight={name: front.in_flight for name, front in fronts.items()},
        body_bytes=release.body_bytes,
        seconds=max(model.server.response_timeout for model in manifest.models),
        processes=min(sum(model.server.workers for model in manifest.models), MOST_PROCESSES),
        # systemd starts it as its user. Started by root it would give up its rights, and could not read the token.
        user=pwd.getpwuid(0).pw_name if os.geteuid() == 0 and not nginx.by_systemd(paths) else "",
    )
    told = {
        "version": box.VERSION,
        "model": manifest.model.name,  # for the scripts of releases that knew one
        "models": {name: {"about": front.about} for name, front in fronts.items()},
        "body_bytes": release.body_bytes,
        "tokens": str(paths.keys),
        "keys": str(paths.gateway_keys),
        "verdict": str(paths.verdict),
        "log_bytes": LOG_BYTES,
        "about": about,
        "certificate_ends": shown.ends if shown else 0,
    }
    return Files(
        tree=paths.release(manifest.release),
        program=paths.site_packages(manifest.runtime_id, manifest.python) / release.program,
        conf=conf,
        settings=told,
        metrics=paths.metrics_socket,
        certificate=shown.pem if shown else None,
        client_ca=shown.client_ca if shown else b"",
    )


def signed(paths: Paths, release: str) -> str:
    folder = paths.release(release)
    try:
        by = signature.verify(folder / releases.MANIFEST, folder / releases.SIGNATURE, paths.allowed_signers)
    except KitError:
        return "right when it came; this box no longer trusts who made it"
    return f"by {by}, whom this box trusts"


def last_deployments(paths: Paths) -> str:
    """The latest first: `2026-11-27 net-1.2-0123abcd by anna@desk`."""
    rows = [row for row in history.last(paths.history, 200) if row.get("what") == history.CONFIRMED]
    said = [f"{day(float(row['at']))} {row['release']} by {row['who']}" for row in rows[-DEPLOYMENTS:]]
    return "; ".join(reversed(said))


def day(seconds: float) -> str:
    """By this box's clock, in UTC as all its log is."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
