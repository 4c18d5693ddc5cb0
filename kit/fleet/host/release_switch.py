"""Another release on a box: tried, gated, confirmed over a new connection; and what to do when the link breaks."""

from __future__ import annotations

import time
from contextlib import suppress

from kit.fleet.host.session import WENT_BACK, HostSession
from kit.fleet.ssh.remote import BoxError, Event, LinkLost, NoResult
from kit.fleet.ssh.transport import OperatorStopped
from kit.fleet.ssh.words import seconds_of

# Growing, since a firewall that limits connections counts those that it refuses.
RETRY_SECONDS = 3.0
PAUSE_GROWTH = 1.5
LONGEST_PAUSE = 15.0
EARLY_STEPS = ("verify", "space")
EARLY_SECONDS = 60.0


def switch(session: HostSession, release: str, verb: str, *arguments: str) -> None:
    """`verb` brings the release up. Raises BoxError when the box does not run it in the end, Stopped, and LinkLost when
    nobody knows."""
    session.begin("activate")
    session.switched = session.result.touched = True
    session.result.running = None
    why = ""
    try:
        waiting = activate(session, verb, *arguments).get("waiting", True)
    except LinkLost as lost:
        waiting, why = True, f"link lost ({lost})"
    except NoResult as cut:
        waiting, why = True, str(cut)
    except BoxError:
        with suppress(LinkLost, NoResult):  # then nobody knows what it runs
            session.heard(session.call("status"))
        raise
    except OperatorStopped:
        raise OperatorStopped(give_up(session)) from None
    if waiting:
        session.begin("reconnect" if why else "confirm")
        settle(session, release, why)
    session.result.running, session.result.silent = release, ""


def activate(session: HostSession, verb: str, *arguments: str) -> Event:
    """Up to the passed gate; its steps are told as they come."""

    def heard(event: Event) -> None:
        if event.get("event") == "step":
            session.begin(str(event.get("step")))
            session.gate_seconds = seconds_of(event.get("gate_seconds"), session.gate_seconds)

    seconds = ("--confirm-seconds", str(session.options.confirm_seconds))
    result = session.call(verb, *arguments, *seconds, *session.owner, heard=heard)
    session.result.how = str(result.get("how") or "")
    session.result.gate = dict(result.get("gate") or {})
    session.result.downtime_seconds = result.get("downtime_seconds")
    return session.checked(result)


def settle(session: HostSession, release: str, why: str) -> None:
    """Confirm it, over however many connections that takes; if it is too late for that, learn what the box did without.

    Raises BoxError when it does not run `release`, LinkLost when it cannot be asked, Stopped. `why` it is not plain
    sailing, "" when it is.
    """
    began = time.monotonic()
    pause = RETRY_SECONDS
    while True:
        waited = time.monotonic() - began
        try:
            confirmed = session.call("confirm", release, *session.owner, stoppable=False, fresh=True)
            if confirmed.get("ok"):
                return answered(session, confirmed)
            status = session.call("status", stoppable=False)
            if not under_way(session, status, release, waited):
                break
            if session.stopped:
                raise OperatorStopped(give_up(session))
        except (LinkLost, NoResult) as lost:
            why = why or (f"link lost ({lost})" if isinstance(lost, LinkLost) else str(lost))
            if waited > session.gate_seconds + session.options.confirm_seconds or session.stopped:
                raise
        time.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
    session.heard(status)
    last = status.get("last_activation") or {}
    error = last.get("error") if last.get("release") == release else ""
    back = WENT_BACK if session.result.before and session.result.running == session.result.before else ""
    raise BoxError("; ".join(word for word in (why, error or "it was not confirmed") if word) + back)


def answered(session: HostSession, confirmed: Event) -> None:
    """Raises BoxError for a release that was confirmed and has not answered since."""
    if not confirmed.get("answers", True):
        session.result.silent = str(confirmed.get("why_not"))
        raise BoxError("it was confirmed, and does not answer")


def under_way(session: HostSession, status: Event, release: str, waited: float) -> bool:
    """Is the box still at it? It has no mark of a trial before the switch, and then is given the time to get there; it
    has none either after a power cut, which ended whatever it did."""
    if status.get("on_trial"):
        return bool(status["on_trial"] == release)
    last = status.get("last_activation") or {}
    begun = last.get("release") == release and "ended" not in last and last.get("step") in (*EARLY_STEPS, None)
    return begun and waited < EARLY_SECONDS and session.remote.probe().boot == session.boot


def end_trial(session: HostSession, status: Event, wanted: str = "") -> Event:
    """A release is on trial that no run cares for any more: confirm it when it is the `wanted` one, else give it up.
    Returns the status after that."""
    while on_trial := status.get("on_trial"):
        session.begin("end trial")
        word = ("confirm", wanted) if on_trial == wanted else ("revert",)
        if not session.call(*word, *session.owner).get("ok"):
            time.sleep(RETRY_SECONDS)
        status = session.call("status")
    return status


def give_up(session: HostSession) -> str:
    """The operator stops while this box is on trial: back now, not when its time is out. Says how it went."""
    automatic = "it reverts automatically, since no confirm will come"
    try:
        result = session.call("revert", *session.owner, stoppable=False)
        if not result.get("ok"):
            return f"on trial; {automatic} ({result.get('error')})"
        session.heard(session.call("status", stoppable=False))
    except (LinkLost, BoxError) as error:
        return f"on trial; {automatic} ({error})"
    return "stopped on trial; it went back"
