"""Let a server finish what it has, and take nothing new.

TorchServe has no such thing: SIGTERM cuts the requests in flight, and scaling the workers down kills the ones that
are at work. But it checks the token when a request comes in, so renewing the inference token turns new requests
away (HTTP 400) while those already inside go on. And it hands out questions to the workers in the order they came,
so once each worker has answered a question asked after that, nothing older is left in any of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from kit.errors import KitError
from kit.serving.api import ApiError, Management
from kit.words import count


def wait_until_idle(management: Management, seconds: float, say: Callable[[str], None]) -> None:
    """Return when every worker has finished what was asked of it before this call, or after `seconds`."""
    deadline = time.monotonic() + seconds
    busy: dict[int, tuple[str, str]] = {}
    for model in management.models():
        for version in management.describe(model, "all"):
            for worker in version["workers"]:
                if worker["status"] == "READY":
                    busy[worker["pid"]] = (model, version["modelVersion"])
    found = count(len(busy), "worker")
    say(f"waiting for {found} to finish")
    while busy and time.monotonic() < deadline:
        model, model_version = next(iter(busy.values()))
        try:
            busy.pop(management.worker_pid(model, model_version), None)
        except (httpx.HTTPError, ApiError):
            # The queue is full or the worker was replaced: a worker that is gone holds nothing.
            alive = {worker["pid"] for version in management.describe(model, "all") for worker in version["workers"]}
            busy = {pid: where for pid, where in busy.items() if pid in alive or where[0] != model}
            time.sleep(0.05)
    if busy:
        say(f"still at work after {seconds:.0f} s: {len(busy)} of {found}; their requests are cut")


def drain(management: Management, api_token: str, seconds: float, say: Callable[[str], None]) -> None:
    """Refuse new requests, then wait for the old ones. A server that does not answer has nothing to drain."""
    try:
        if api_token:
            management.renew_inference_token(api_token)
        else:
            say("tokens are off, so new requests cannot be refused while the old ones finish")
        wait_until_idle(management, seconds, say)
    except (httpx.HTTPError, KitError) as error:
        say(f"not drained: {error}")
