"""Let a server, or one version of its model, finish what it has.

TorchServe has no such thing: SIGTERM cuts the requests in flight, and scaling the workers down kills the ones that are
at work. But it checks the token when a request comes in, so renewing the inference token turns new requests away (HTTP
400) while those inside go on. And it hands out questions to a version's workers in the order they came, so once each
worker has answered a question asked after that, nothing older is left in any of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from common.errors import KitError
from common.server.tokens import read_keys
from common.server.torchserve import Management
from common.words import count


def drain(management: Management, keys: Path, seconds: float, say: Callable[[str], None]) -> None:
    """Refuse new requests, then wait for the old ones. A server that does not answer has nothing to drain."""
    try:
        models = management.models()
        if token := read_keys(keys).get("API"):
            management.renew_inference_token(token)
        else:
            say("tokens are off, so new requests cannot be refused while the old ones finish")
        for model in models:
            for row in management.describe(model, "all"):
                wait_until_idle(management, model, str(row["modelVersion"]), seconds, say)
    except KitError as error:
        say(f"not drained: {error.message}")


def wait_until_idle(
    management: Management, model: str, version: str, seconds: float, say: Callable[[str], None]
) -> None:
    """Return when every worker of this version finished what was asked of it before this call, or after `seconds`."""
    deadline = time.monotonic() + seconds
    busy = _working(management, model, version)
    while busy and time.monotonic() < deadline:
        try:
            busy.discard(management.worker_pid(model, version, deadline - time.monotonic() + 1))
        except KitError:
            # The queue is full or the worker was replaced: a worker that is gone holds nothing.
            time.sleep(0.05)
            busy &= _working(management, model, version)
    if busy:
        left = f"{count(len(busy), 'worker')} of {model} {version}"
        say(f"after {seconds:.0f} s still at work: {left}; their requests are cut")


def _working(management: Management, model: str, version: str) -> set[int]:
    rows = management.describe(model, version)
    return {worker["pid"] for row in rows for worker in row["workers"] if worker["status"] == "READY"}
