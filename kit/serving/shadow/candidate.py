"""The version that may take the place of the one that serves. Its file tells the workers which share of their pictures
to leave (handlers/shadow.py), and is gone when there is none."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from common import durable
from kit.files import write_json
from kit.processes import detached
from kit.serving.launch import RunFolder
from kit.serving.state import ServedModel, ServerState

VARIABLE = "VISION_SHADOW"  # where the server's workers find the folder


@dataclass(frozen=True)
class Candidate:
    """`model` is as it is registered; `beside` the version that serves; `share`, 0 to 1, of its pictures; `since` in
    seconds since 1970."""

    model: ServedModel
    beside: str
    share: float
    since: float


def file(run: RunFolder, model: str) -> Path:
    return run.shadow / f"{model}.json"


def pictures(run: RunFolder, model: str) -> Path:
    return run.shadow / model


def rows(run: RunFolder, model: str) -> Path:
    """What came of each picture, a line of JSON (comparing.py)."""
    return run.shadow / f"{model}.jsonl"


def read(run: RunFolder, model: str) -> Candidate | None:
    told = durable.read_object(file(run, model))
    return Candidate(**told | {"model": ServedModel(**told["model"])}) if told else None


def begin(run: RunFolder, server: ServerState, model: ServedModel, share: float) -> Candidate:
    """Have this version, which is registered, compared with the one that serves."""
    end(run, model.name)
    pictures(run, model.name).mkdir(parents=True, mode=0o700)
    made = Candidate(model, server.named(model.name).version, share, time.time())
    write_json(file(run, model.name), asdict(made), mode=0o600)
    detached("kit.serving.shadow", str(run.folder), model.name, str(server.pid), log=run.shadow_log)
    return made


def end(run: RunFolder, model: str) -> None:
    """Who compares sees it, and ends."""
    for path in (file(run, model), rows(run, model)):
        path.unlink(missing_ok=True)
    shutil.rmtree(pictures(run, model), ignore_errors=True)
