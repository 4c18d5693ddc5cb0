"""The checks in their order, and the way back after them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from common.errors import KitError
from common.words import count
from kit.signals import Stopped
from kit.smoke import (
    footprint,
    grpc_checks,
    predictions,
    refusals,
    scaling,
    service,
    versions,
)
from kit.smoke.outcome import NotPassed, Outcome, Result, wait_until_right
from kit.smoke.session import Session

Check = Callable[[Session], str]

# What only looks comes before what changes the server.
CHECKS: dict[str, Check] = {
    "health": service.health,
    "list": service.list_models,
    "describe": service.describe,
    "predict raw": predictions.raw,
    "predict multipart": predictions.multipart,
    "predict base64": predictions.base64_json,
    "predict concurrent": predictions.concurrent,
    "bad input: empty": refusals.empty,
    "bad input: text": refusals.text,
    "bad input: truncated": refusals.truncated,
    "bad input: huge": refusals.huge,
    "wrong inference token": refusals.wrong_inference_token,
    "wrong management token": refusals.wrong_management_token,
    "metrics": service.metrics,
    "gRPC ping": grpc_checks.ping,
    "gRPC predict": grpc_checks.predict,
    "scale up": scaling.up,
    "scale down": scaling.down,
    "register": versions.register,
    "switch default": versions.switch,
    "switch back": versions.switch_back,
    "unregister": versions.unregister,
}
LEFT_AS_FOUND = "left as found"


@dataclass(frozen=True)
class Report:
    """`stopped_by` is the signal that ended the run before its last check, 0 if none did."""

    results: list[Result]
    seconds: float
    stopped_by: int

    @property
    def failed(self) -> bool:
        return any(result.outcome is Outcome.FAILED for result in self.results)

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


def run(session: Session, tell: Callable[[Result], None]) -> Report:
    """Do all checks and give each result to `tell` as it comes. Whatever happens, the last thing is the way back."""
    begun = time.monotonic()
    results: list[Result] = []
    interrupts = session.interrupts

    def do(name: str, check: Check) -> None:
        result = measure(name, check, session)
        results.append(result)
        tell(result)

    stopped_by = 0
    with interrupts.installed():
        try:
            session.before = _snapshot(session)
            for name, check in CHECKS.items():
                do(name, check)
        except Stopped as stopped:
            stopped_by = stopped.number
        try:
            with interrupts.deferred():
                do(LEFT_AS_FOUND, leave_as_found)
        except Stopped as stopped:
            stopped_by = stopped.number
    return Report(results, time.monotonic() - begun, stopped_by)


def measure(name: str, check: Check, session: Session) -> Result:
    begun = time.monotonic()
    outcome = Outcome.FAILED
    try:
        detail = check(session)
        outcome = Outcome.PASSED
    except NotPassed as ended:
        detail, outcome = str(ended), ended.outcome
    except KitError as error:
        detail = error.message
    except httpx.TimeoutException as error:
        detail = f"no answer in time ({type(error).__name__})"
    except Exception as error:  # a broken server's answers can be of any shape, and the way back must follow
        detail = f"{type(error).__name__}: {error}"
    return Result(name, outcome, time.monotonic() - begun, " ".join(detail.split()))


def _snapshot(session: Session) -> footprint.Snapshot | None:
    """None when the server does not say; `list` and `describe` then tell why."""
    if not session.management_api:
        return None
    try:
        return footprint.take(session.management, session.target.model, session.target.temp)
    except (KitError, ValueError, LookupError, TypeError):
        return None


def leave_as_found(session: Session) -> str:
    """Undo what is left of the changes, then look whether all is as it was."""
    management, before, target = session.management, session.found(), session.target
    footprint.restore(management, target.model, before, target.store, target.temp)
    wait_until_right(lambda: footprint.differences(before, footprint.take(management, target.model, target.temp)))
    was = before.versions[before.default]
    return f"version {before.default} is the default, {count(was.workers, 'worker')}"
