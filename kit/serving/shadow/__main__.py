"""`python -m kit.serving.shadow RUN MODEL JAVA`: compares the candidate of a model with what serves, until it is no
candidate any more, enough was compared, or the server of that process id has ended."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from pathlib import Path

from common.server.torchserve import Inference
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.serving.shadow import candidate, comparing

POLL_SECONDS = 0.2


def main(run: RunFolder, model: str, java: int) -> None:
    ended = os.pidfd_open(java)
    server, chosen = state.read(run), candidate.read(run, model)
    if not server or not chosen:
        return
    inference = Inference(server.inference, run.inference_header, probe=True)
    compared = 0
    # Open until the end: what is written once there is no candidate any more goes nowhere.
    with candidate.rows(run, model).open("a", encoding="utf-8", buffering=1) as rows:
        while not select.select([ended], [], [], POLL_SECONDS)[0] and compared < comparing.MOST_ROWS:
            now = candidate.read(run, model)
            if not now or now.since != chosen.since:
                return
            compared += comparing.compare(candidate.pictures(run, model), chosen, inference, rows)


if __name__ == "__main__":
    with suppress(ProcessLookupError):  # the server ended sooner than this has started
        main(RunFolder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
