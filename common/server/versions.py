"""A version of a model that another has taken the place of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from common.errors import KitError
from common.server.drain import wait_until_idle
from common.server.torchserve import ApiError, Management


def retire(management: Management, model: str, version: str, seconds: float, say: Callable[[str], None]) -> None:
    """Let it finish what it has, for so many seconds, then unregister it."""
    with suppress(KitError):
        wait_until_idle(management, model, version, seconds, say)
    unregister(management, model, version)


def unregister(management: Management, model: str, version: str) -> None:
    """One that is not there is what was wanted."""
    try:
        management.unregister(model, version)
    except ApiError as error:
        if error.status != 404:
            raise
