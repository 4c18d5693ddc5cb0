"""Records a full grid of this machine, for the tests of the search: `python -m tests.kit.tune.record_grid <name>`.

Everything make tune could measure is measured, each once, and written to grids/<name>.json. It takes an hour or
more, goes on after Ctrl-C where it was, and needs a machine with nothing else to do.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from kit import console, machine, profiles
from kit.build import default_build_root
from kit.tune.fingerprint import fingerprint
from kit.tune.journal import Journal, document
from kit.tune.trial import preparation
from kit.tune.trial.executor import Executor, Load
from kit.tune.trial.exports import Exports
from kit.tune.trial.folders import Folders

GRIDS = Path(__file__).parent / "grids"
CLIENTS, SECONDS = 8, 5.0  # as make tune does by itself


def record(name: str) -> None:
    here = machine.detect()
    base = profiles.choose("onprem", here)
    folders = Folders(default_build_root() / "tuned")
    preparation.check_alone()
    pictures, sent = preparation.load_pictures("", folders.pictures)
    executor = Executor(base, here, folders, Exports(base, folders, never), Load(CLIENTS, SECONDS, pictures), never)
    rows = []
    with executor.alone():
        space = preparation.explore(executor)
        journal = Journal(folders.journal, fingerprint(executor, space.precisions))
        for number, candidate in enumerate(space.candidates, 1):
            outcome = journal.take(candidate)
            if outcome is None:
                outcome = executor.measure(candidate)
                journal.add(candidate, outcome)
            console.step(f"{number} of {len(space.candidates)}: {candidate.words}: {outcome}")
            rows.append(document(candidate, outcome))
    recorded = {
        "recorded": time.strftime("%Y-%m-%d"),
        "machine": preparation.described(here),
        "load": f"{CLIENTS} clients without a pause, {SECONDS:g} s after a warm-up, {sent}",
        "default": asdict(space.default),
    }
    head = json.dumps(recorded, indent=1, ensure_ascii=False).removesuffix("\n}")
    body = ",\n  ".join(map(json.dumps, rows))  # a line each, so that two recordings can be compared
    GRIDS.mkdir(exist_ok=True)
    (GRIDS / f"{name}.json").write_text(f'{head},\n "rows": [\n  {body}\n ]\n}}\n', encoding="utf-8")


def never() -> bool:
    return False


if __name__ == "__main__":
    record(sys.argv[1])
