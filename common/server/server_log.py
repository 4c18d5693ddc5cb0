"""Finding, in the server's log, the one line that says why something failed."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What this program's own supervisor says last; whoever looks for a cause finds it by this.
FAILED = "vision-serve: failed: "

PREFIX = re.compile(r"^\d{4}-\d\d-\d\dT\S+ +\w+ +\S+ (?P<text>.*)$")
EXCEPTION = re.compile(r"^(Caused by: )?\w[\w.$]*(Error|Exception|Exit|Interrupt)\b(: .*)?$")
# The worker's own word on why its handler cannot be loaded; what follows it are reports of that.
# It calls any error that names CUDA «out of memory».
NOT_LOADED = re.compile(r"^(Failed to load model \S+|Load model \S+ \w+ OOM), exception (?P<why>.+)$")
# These say only that something else failed.
WRAPPERS = (
    "WorkerInitializationException",
    "500 - Unknown exception",
    "java.util.concurrent.ExecutionException",
    "io.netty.channel",
)
# Java's own words when there is no exception to show.
SAYINGS = re.compile(
    r"Failed to load model|Load model failed|Invalid configuration|"
    r"Failed to bind|Could not (create|reserve)|Unrecognized (VM )?option|"
    r"OutOfMemoryError|Address already in use|insufficient memory|Cannot allocate memory"
)
# Said when a start has failed for good, although TorchServe itself will go on trying, or go on without the model.
FATAL = ("Backend worker process died", "Failed to load model", "Load model failed", "Invalid configuration")


def text_of(line: str) -> str:
    match = PREFIX.match(line)
    return (match["text"] if match else line).strip()


def line_that_matters(lines: Sequence[str]) -> str:
    """The line that names the cause, or "" when there is none.

    A worker's own exception says more than Java's report that the worker died; of several, the last is the one
    that ended it. Of Java's plain sayings the first is the cause.
    """
    texts = [text_of(line) for line in lines]
    python = [text_of(line) for line in lines if " MODEL_LOG " in line]
    refused = [match["why"] for text in python if (match := NOT_LOADED.match(text))]
    raised = [text for text in python if EXCEPTION.match(text) and refused and refused[0] in text]
    if refused:
        return (raised or refused)[0]
    for candidates in (python, texts):
        causes = [text for text in candidates if EXCEPTION.match(text) and not any(word in text for word in WRAPPERS)]
        if causes:
            return causes[-1].removeprefix("Caused by: ")
    return next((text for text in texts if SAYINGS.search(text)), "")


def verdict_of(lines: Sequence[str]) -> str:
    """What the supervisor said when it gave up, or else the line that matters; "" when nothing was said."""
    own = [line.partition(FAILED)[2] for line in lines if FAILED in line]
    return own[-1] if own else line_that_matters(lines)
