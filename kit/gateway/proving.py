"""A gateway that is started, and proved before anybody is told of it."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable

import httpx
import psutil

from common.errors import KitError
from common.gateway import keys, nginx_files
from kit.gateway import nginx, places
from kit.gateway.planning import GatewayPlan
from kit.golden import Golden

START_SECONDS = 20.0
POLL_SECONDS = 0.05


def start(wanted: GatewayPlan, golden: Golden, progress: Callable[[str], None]) -> subprocess.Popen[bytes]:
    """Return when a golden picture got its right answer through it. Raises KitError; then it does not run."""
    nginx_files.write(wanted.folder, wanted.files)
    process = nginx.start(wanted.folder)
    try:
        prove(wanted, process, golden, progress)
    except BaseException:
        if process.poll() is None:
            nginx.stop(psutil.Process(process.pid), 0)
        raise
    return process


def prove(
    wanted: GatewayPlan, process: subprocess.Popen[bytes], golden: Golden, progress: Callable[[str], None]
) -> None:
    """Ask it what a client would. This machine's own word for its certificate is enough: what is proved is the way
    through, and not who owns the address."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            keys.passing(places.keys()) as key,
            httpx.Client(base_url=wanted.address.url("localhost"), verify=context, trust_env=False) as client,
        ):
            _until_ready(client, wanted, process, progress)
            answer = client.post(
                f"/predictions/{wanted.files.settings['model']}",
                content=golden.picture.read_bytes(),
                headers={"Authorization": f"Bearer {key}"},
                timeout=wanted.files.conf.seconds,
            )
    except httpx.HTTPError as error:
        raise KitError(f"the gateway does not answer: {error}", f"its logs: {wanted.folder / 'logs'}") from None
    if answer.status_code != 200:
        raise KitError(f"the gateway answered HTTP {answer.status_code}: {answer.text.strip()[:300]}")
    if wrong := golden.mismatch(answer.json()):
        raise KitError(f"the gateway gives wrong answers: {wrong}")


def _until_ready(
    client: httpx.Client, wanted: GatewayPlan, process: subprocess.Popen[bytes], progress: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    why = "it does not listen"
    while time.monotonic() < deadline:
        progress("the gateway is starting")
        if process.poll() is not None:
            raise KitError(f"the gateway did not start: {nginx.said(wanted.folder)}")
        try:
            health = client.get("/health")
            if health.status_code == 200:
                return
            why = health.json().get("why", health.text)
        except (httpx.TransportError, ValueError):
            pass
        time.sleep(POLL_SECONDS)
    raise KitError(f"the gateway was not ready after {START_SECONDS:.0f} s: {why}")
