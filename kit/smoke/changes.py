"""The management API's calls that change a server. Each raises ApiError when TorchServe refuses it."""

from __future__ import annotations

from typing import Any

from kit.serving.api import ApiError, Management

# TorchServe kills a worker that has not started after two minutes; a little more, so that its own answer comes first.
WORKER_START_SECONDS = 130.0


def scale(management: Management, model: str, version: str, minimum: int, maximum: int) -> None:
    """Return when the workers are READY or ended.

    A minimum of 0 makes TorchServe forget workers that go on running, so it is never asked for beside a maximum
    that keeps some.
    """
    _ask(
        management,
        f"scaling to {minimum}–{maximum} workers",
        "PUT",
        f"/models/{model}/{version}",
        {"min_worker": minimum, "max_worker": maximum, "synchronous": "true"},
    )


def register(management: Management, archive: str) -> None:
    """Register an archive that lies in the model store, without workers."""
    _ask(management, f"registering {archive}", "POST", "/models", {"url": archive, "initial_workers": 0})


def set_default(management: Management, model: str, version: str) -> None:
    _ask(management, f"making version {version} the default", "PUT", f"/models/{model}/{version}/set-default", {})


def unregister(management: Management, model: str, version: str) -> None:
    _ask(management, f"unregistering version {version}", "DELETE", f"/models/{model}/{version}", {})


def _ask(management: Management, what: str, method: str, path: str, parameters: dict[str, Any]) -> None:
    response = management.http.request(method, path, params=parameters, timeout=WORKER_START_SECONDS)
    if response.status_code >= 400:
        raise ApiError(what, response)
