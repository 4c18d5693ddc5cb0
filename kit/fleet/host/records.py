"""What boxes recorded, brought to the workstation: each has a copy here, and only what is new is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from common.errors import KitError
from common.watch.record import reading
from kit.fleet.gateway.client_keys import NO_VERB
from kit.fleet.host import survey
from kit.fleet.host.survey import Answer
from kit.fleet.ssh.remote import BoxError, Event, Remote
from kit.report import copies


def fetch(remotes: Mapping[str, Remote], folder: Path, parallel: int) -> list[Answer]:
    """Bring each box's copy in `folder` up to date. One that is out of reach keeps the copy that it has."""

    def one(box: str) -> Event:
        copy = copies.path(folder, box)
        since = copies.wanted_since(copy)
        told = survey.call(remotes[box], "record", "--since", str(since))
        if not told.get("ok"):
            error = str(told.get("error") or "failed")
            raise BoxError("it keeps no record yet: deploy a newer bundle" if NO_VERB in error else error)
        try:
            copies.keep(copy, reading.imported(told, since), since)
        except KitError as error:
            raise BoxError(error.message) from None
        except (sqlite3.Error, OSError) as error:
            raise BoxError(f"the copy of its record, {copy}, cannot be written: {error}") from None
        return {"ok": True}

    return survey.survey(list(remotes), one, parallel)
