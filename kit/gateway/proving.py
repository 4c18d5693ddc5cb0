"""A gateway that is started, and proved before anybody is told of it."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import httpx
import psutil

from common import durable
from common.errors import KitError
from common.gateway import keys, nginx_files
from kit.gateway import nginx, places
from kit.gateway.planning import GatewayPlan
from kit.golden import Golden

START_SECONDS = 20.0
POLL_SECONDS = 0.05


def start(
    wanted: GatewayPlan, golden: Mapping[str, Golden], progress: Callable[[str], None]
) -> subprocess.Popen[bytes]:
    """Return when each model's golden picture got its right answer through it. Raises KitError, and ends it."""
    nginx_files.write(wanted.folder, wanted.files)
    process = nginx.start(wanted.folder)
    try:
        prove(wanted, process, golden, progress)
    except BaseException:
        if process.poll() is None:
            nginx.stop(psutil.Process(process.pid), 0)
        raise
    return process


def renew(wanted: GatewayPlan, process: psutil.Process, models: Sequence[str]) -> None:
    """Return when a running one serves these models. Raises KitError, and it goes on with its old settings."""
    folder = wanted.folder
    before = {name: (folder / name).read_bytes() for name in nginx_files.SETTINGS}
    nginx_files.write(folder, wanted.files)
    try:
        nginx.reload(folder, process)
        _until_it_serves(wanted, models)
    except BaseException:
        for name, content in before.items():
            durable.write(folder / name, content)
        with suppress(KitError):
            nginx.reload(folder, process)
        raise


def _until_it_serves(wanted: GatewayPlan, models: Sequence[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    with _client(wanted) as client:
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError, ValueError):
                told = client.get("/health").json()
                if told["status"] == "ready" and [one["name"] for one in told["models"]] == list(models):
                    return
            time.sleep(POLL_SECONDS)
    raise KitError(f"the gateway does not serve {', '.join(models)}", f"its logs: {wanted.folder / 'logs'}")


def _client(wanted: GatewayPlan) -> httpx.Client:
    """This machine's own word for its certificate is enough: what is proved is the way through, and not who owns the
    address."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return httpx.Client(base_url=wanted.address.url("localhost"), verify=context, trust_env=False)


def prove(
    wanted: GatewayPlan,
    process: subprocess.Popen[bytes],
    golden: Mapping[str, Golden],
    progress: Callable[[str], None],
) -> None:
    """Ask it what a client would."""
    try:
        with keys.passing(places.keys()) as key, _client(wanted) as client:
            _until_ready(client, wanted, process, progress)
            answers = {
                model: client.post(
                    f"/predictions/{model}",
                    content=one.picture.read_bytes(),
                    headers={"Authorization": f"Bearer {key}"},
                    timeout=wanted.files.conf.seconds,
                )
                for model, one in golden.items()
            }
    except httpx.HTTPError as error:
        raise KitError(f"the gateway does not answer: {error}", f"its logs: {wanted.folder / 'logs'}") from None
    for model, answer in answers.items():
        if answer.status_code != 200:
            raise KitError(f"the gateway answered HTTP {answer.status_code}: {answer.text.strip()[:300]}")
        if wrong := golden[model].mismatch(answer.json()):
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
