"""What is done to the gateways of many boxes at once: keys sent, listed, certificates renewed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kit.fleet.gateway import certificate, client_keys
from kit.fleet.gateway.certificate import Given
from kit.fleet.gateway.client_keys import Changes
from kit.fleet.host import survey
from kit.fleet.host.survey import Answer
from kit.fleet.ssh.remote import BoxError, Event, Remote
from kit.gateway import places

Remotes = Mapping[str, Remote]
NO_GATEWAY = "it has no gateway with TLS: gateway_address in the fleet file, and make deploy"


def change_keys(remotes: Remotes, changes: Changes, parallel: int) -> list[Answer]:
    """Each box's `changed`, as sentences. One that is out of reach gets them another time."""
    for box in remotes:
        client_keys.note(places.unsent(), box, changes)
    return survey.survey(list(remotes), lambda box: {"changed": _send(remotes[box], box)}, parallel)


def list_keys(remotes: Remotes, parallel: int) -> list[Answer]:
    """Each box's `keys`, once it has got what waited for it."""

    def ask(box: str) -> Event:
        _send(remotes[box], box)
        return _checked(survey.call(remotes[box], "keys"))

    return survey.survey(list(remotes), ask, parallel)


def renew_certificates(remotes: Remotes, given: Given, parallel: int) -> list[Answer]:
    """Each box's certificate as it is now: `names`, `ends`, and `why` it was sent, "" when it was good."""

    def renew(box: str) -> Event:
        told = survey.call(remotes[box], "status").get("gateway")
        if not told or not told.get("tls"):
            raise BoxError(NO_GATEWAY)
        due = certificate.wanted(box, told, places.authority(), given)
        if not due:
            return {**told["certificate"], "why": ""}
        document, why = due
        _checked(survey.call(remotes[box], "certificate", stdin=json.dumps(document).encode()))
        return {"names": document["names"], "ends": document["ends"], "why": why}

    return survey.survey(list(remotes), renew, parallel)


def _send(remote: Remote, box: str) -> list[str]:
    return client_keys.send(places.unsent(), box, lambda verb, stdin: survey.call(remote, verb, stdin=stdin))


def _checked(result: Event) -> Event:
    if not result.get("ok"):
        raise BoxError(str(result.get("error") or "failed"))
    return result
