"""Another release on a box: tried, gated, confirmed over a new connection; and what to do when the link breaks."""

from __future__ import annotations

import time
from contextlib import suppress

from kit.fleet.host.remote import BoxError, Event, LinkLost, NoResult
from kit.fleet.host.session import WENT_BACK, Turn
from kit.fleet.host.transport import Stopped
from kit.fleet.view.words import seconds_of

# Growing, since a firewall that limits connections counts those that it refuses.
RETRY_SECONDS = 3.0
PAUSE_GROWTH = 1.5
LONGEST_PAUSE = 15.0
EARLY_STEPS = ("verify", "space")
EARLY_SECONDS = 60.0


def switch(turn: Turn, release: str, verb: str, *arguments: str) -> None:
    """`verb` brings the release up. Raises BoxError when the box does not run it in the end, Stopped, and LinkLost when
    nobody knows."""
    turn.begin("activate")
    turn.switched = turn.account.touched = True
    turn.account.running = None
    why = ""
    try:
        waiting = activate(turn, verb, *arguments).get("waiting", True)
    except LinkLost as lost:
        waiting, why = True, f"link lost ({lost})"
    except NoResult as cut:
        waiting, why = True, str(cut)
    except BoxError:
        with suppress(LinkLost, NoResult):  # then nobody knows what it runs
            turn.heard(turn.call("status"))
        raise
    except Stopped:
        raise Stopped(give_up(turn)) from None
    if waiting:
        turn.begin("reconnect" if why else "confirm")
        settle(turn, release, why)
    turn.account.running, turn.account.silent = release, ""


def activate(turn: Turn, verb: str, *arguments: str) -> Event:
    """Up to the passed gate; its steps are told as they come."""

    def heard(event: Event) -> None:
        if event.get("event") == "step":
            turn.begin(str(event.get("step")))
            turn.gate_seconds = seconds_of(event.get("gate_seconds"), turn.gate_seconds)

    seconds = ("--confirm-seconds", str(turn.orders.confirm_seconds))
    result = turn.call(verb, *arguments, *seconds, *turn.owner, heard=heard)
    turn.account.how = str(result.get("how") or "")
    turn.account.gate = dict(result.get("gate") or {})
    turn.account.away_seconds = result.get("away_seconds")
    return turn.checked(result)


def settle(turn: Turn, release: str, why: str) -> None:
    """Confirm it, over however many connections that takes; if it is too late for that, learn what the box did without.

    Raises BoxError when it does not run `release`, LinkLost when it cannot be asked, Stopped. `why` it is not plain
    sailing, "" when it is.
    """
    began = time.monotonic()
    pause = RETRY_SECONDS
    while True:
        waited = time.monotonic() - began
        try:
            confirmed = turn.call("confirm", release, *turn.owner, stoppable=False, fresh=True)
            if confirmed.get("ok"):
                return answered(turn, confirmed)
            status = turn.call("status", stoppable=False)
            if not under_way(turn, status, release, waited):
                break
            if turn.stopped:
                raise Stopped(give_up(turn))
        except (LinkLost, NoResult) as lost:
            why = why or (f"link lost ({lost})" if isinstance(lost, LinkLost) else str(lost))
            if waited > turn.gate_seconds + turn.orders.confirm_seconds or turn.stopped:
                raise
        time.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
    turn.heard(status)
    last = status.get("last_activation") or {}
    error = last.get("error") if last.get("release") == release else ""
    back = WENT_BACK if turn.account.before and turn.account.running == turn.account.before else ""
    raise BoxError("; ".join(word for word in (why, error or "it was not confirmed") if word) + back)


def answered(turn: Turn, confirmed: Event) -> None:
    """Raises BoxError for a release that was confirmed and has not answered since."""
    if not confirmed.get("answers", True):
        turn.account.silent = str(confirmed.get("why_not"))
        raise BoxError("it was confirmed, and does not answer")


def under_way(turn: Turn, status: Event, release: str, waited: float) -> bool:
    """Is the box still at it? It has no mark of a trial before the switch, and then is given the time to get there; it
    has none either after a power cut, which ended whatever it did."""
    if status.get("on_trial"):
        return bool(status["on_trial"] == release)
    last = status.get("last_activation") or {}
    begun = last.get("release") == release and "ended" not in last and last.get("step") in (*EARLY_STEPS, None)
    return begun and waited < EARLY_SECONDS and turn.remote.probe().boot == turn.boot


def end_trial(turn: Turn, status: Event, wanted: str = "") -> Event:
    """A release is on trial that no run cares for any more: confirm it when it is the `wanted` one, else give it up.
    Returns the status after that."""
    while on_trial := status.get("on_trial"):
        turn.begin("end trial")
        word = ("confirm", wanted) if on_trial == wanted else ("revert",)
        if not turn.call(*word, *turn.owner).get("ok"):
            time.sleep(RETRY_SECONDS)
        status = turn.call("status")
    return status


def give_up(turn: Turn) -> str:
    """The operator stops while this box is on trial: back now, not when its time is out. Says how it went."""
    by_itself = "it goes back by itself, since no confirm will come"
    try:
        result = turn.call("revert", *turn.owner, stoppable=False)
        if not result.get("ok"):
            return f"on trial; {by_itself} ({result.get('error')})"
        turn.heard(turn.call("status", stoppable=False))
    except (LinkLost, BoxError) as error:
        return f"on trial; {by_itself} ({error})"
    return "stopped on trial; it went back"
