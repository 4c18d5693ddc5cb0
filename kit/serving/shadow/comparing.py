"""Pictures that workers left are asked of the candidate, one at a time, and what both said is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from common.errors import KitError
from common.server.torchserve import Inference
from kit.serving.shadow.candidate import Candidate

ENDING = ".picture"  # as handlers/shadow.py has it
MOST_ROWS = 20_000  # what a verdict is sure of by far


def compare(folder: Path, candidate: Candidate, inference: Inference, rows: TextIO) -> int:
    """Every picture that waits. How many there were."""
    waiting = sorted(folder.glob(f"*{ENDING}"))
    for file in waiting:
        try:
            head, _, picture = file.read_bytes().partition(b"\n")
            said = json.loads(head)
            row = asked(candidate, inference, picture, said)
            rows.write(json.dumps(row) + "\n")
        except (OSError, ValueError):  # taken away, as the candidate was
            continue
        finally:
            file.unlink(missing_ok=True)
    return len(waiting)


def asked(candidate: Candidate, inference: Inference, picture: bytes, said: Mapping[str, Any]) -> dict[str, Any]:
    """One picture's row: `serving` is what the one that serves said, `candidate` the other, None for no answer."""
    model = candidate.model
    try:
        answer, seconds = inference.timed(model.name, picture, model.response_timeout, model.version)
        label, confidence = next(iter(answer.items()))
    except (KitError, AttributeError, StopIteration) as error:
        return {"serving": said, "candidate": None, "why": str(error)}
    return {"serving": said, "candidate": {"label": label, "confidence": confidence, "seconds": seconds}}
