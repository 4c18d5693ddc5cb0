"""Finding, in TorchServe's log, the one line that says why something failed."""

from __future__ import annotations

import re
from pathlib import Path

PREFIX = re.compile(r"^\d{4}-\d\d-\d\dT\S+ +(?P<level>\w+) +(?P<logger>\S+) (?P<text>.*)$")
# `ValueError: …`, `java.io.IOException: …`, `torch.cuda.OutOfMemoryError: …` at the start of a line.
EXCEPTION = re.compile(r"^(Caused by: )?\w[\w.$]*(Error|Exception|Exit|Interrupt)\b(: .*)?$")
# These say only that something else failed.
WRAPPERS = (
    "WorkerInitializationException",
    "java.util.concurrent.ExecutionException",
    "io.netty.channel",
)
# Java's own words when there is no exception to show.
SAYINGS = re.compile(
    r"Failed to load model|Invalid configuration|Failed to bind|Could not (create|reserve)|Unrecognized (VM )?option|"
    r"OutOfMemoryError|Address already in use|insufficient memory|Cannot allocate memory"
)


def text_of(line: str) -> str:
    """A log line without its time, level and logger."""
    match = PREFIX.match(line)
    return (match["text"] if match else line).strip()


def line_that_matters(lines: list[str]) -> str:
    """The line that names the cause, or "" when there is none.

    A worker's own exception says more than Java's report that the worker died; of several, the last is the one
    that ended it (Python prints causes first). A Java exception's `Caused by:` says more than what it caused. Of
    Java's plain sayings the first is the cause.
    """
    texts = [text_of(line) for line in lines]
    python = [text_of(line) for line in lines if " MODEL_LOG " in line]
    for candidates in (python, texts):
        causes = [text for text in candidates if EXCEPTION.match(text) and not any(word in text for word in WRAPPERS)]
        if causes:
            return causes[-1].removeprefix("Caused by: ")
    sayings = [text for text in texts if SAYINGS.search(text)]
    return sayings[0] if sayings else ""


def read_lines(*files: Path) -> list[str]:
    """The lines of all files that are there."""
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists())
    return [line for text in texts for line in text.splitlines()]
