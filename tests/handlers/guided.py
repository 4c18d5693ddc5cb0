"""The handler's way from a request to pixels, fuzzed by libFuzzer: what reaches code that no input reached before is
kept and changed further (atheris; Python 3.11 to 3.13 on x86-64). An exception but InputError, ten seconds or 2 GB is a
finding.

make fuzz-guided              10 minutes; findings are kept in build/fuzz
make fuzz-guided DURATION=60 SEED=7
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import atheris

from input_error import InputError

# Each module that is named is instrumented as it is imported, by whatever imports it.
HANDLER = ("request_row", "picture_decoder", "picture_formats", "decoding_limits", "crop_geometry")
FORMATS = ("jpeg_segments", "png_chunks", "gif_blocks", "tiff_directory")
with atheris.instrument_imports(include=[*HANDLER, *FORMATS]):
    import request_row
    from tests.handlers.fuzzing import DECODER, FOUND, originals


LARGEST = 1 << 17  # bytes of an input: libFuzzer's changes are small, and so are its inputs
INPUTS = FOUND / "inputs"  # what reached new code, kept for the next run
ROUND_SECONDS = 240.0
Headers = dict[str, Any]
ENCODINGS = ("", "", "gzip", "deflate", "x-gzip", "br")


def _form(field: str, kind: str) -> Callable[[bytes], tuple[dict[str, Any], Headers]]:
    return lambda body: ({field: body}, {field: {"content-type": kind}, "content-type": "multipart/form-data"})


def _json(body: bytes) -> tuple[dict[str, Any], Headers]:
    """The front end passes on what it parsed, or the bytes where that failed."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = body
    return {"body": document}, {"content-type": "application/json"}


# The shapes in which TorchServe hands a request over: request_row.py lists them.
SHAPES: tuple[Callable[[bytes], tuple[dict[str, Any], Headers]], ...] = (
    lambda body: ({"body": body}, {}),
    lambda body: ({"body": body}, {"content-type": "application/octet-stream"}),
    lambda body: ({"body": body.decode("latin-1")}, {"content-type": "text/plain"}),
    _json,
    _form("image", "image/jpeg"),
    _form("whatever", "application/octet-stream"),
    _form("text", ""),
    lambda body: ({"data": body}, {}),
    lambda body: ({"body": body, "topk": body[:8]}, {}),
)


def request(data: bytes) -> tuple[dict[str, Any], Headers]:
    """The first byte says in which shape the others come, the second how they are compressed."""
    shape, encoding = (data[0], data[1]) if len(data) > 1 else (0, 0)
    row, headers = SHAPES[shape % len(SHAPES)](data[2:])
    if name := ENCODINGS[encoding % len(ENCODINGS)]:
        headers["content-encoding"] = name
    return row, headers


def one(data: bytes) -> None:
    row, headers = request(data)
    try:
        request_row.wanted_classes(row, headers, 5)
        DECODER.decode(request_row.picture_bytes(row, headers))
    except InputError:
        pass


def fuzz(seconds: float, seed: int) -> None:
    """One round; it ends this process, with 0 when nothing was found."""
    options = {
        "max_total_time": f"{seconds:.0f}",
        "seed": str(seed),
        "max_len": str(LARGEST),
        "timeout": "10",
        "rss_limit_mb": "2048",
        "artifact_prefix": f"{FOUND}/",
        "print_final_stats": "1",
        "close_fd_mask": "2",  # what libtiff and libjpeg print of each damaged file
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(INPUTS)], one)
    atheris.Fuzz()


def main() -> int:
    """Rounds of a process each: what instruments the code takes 2 kB with every input (a round without it takes none),
    and would come to the limit by itself."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(originals()):
        for shape in range(len(SHAPES)):
            if len(picture) < LARGEST:
                (INPUTS / f"seed-{number}-{shape}").write_bytes(bytes([shape, 0]) + picture)
    seconds, seed = float(os.environ.get("DURATION") or 600), int(os.environ.get("SEED") or time.time())
    print(f"seed {seed}, {seconds:.0f} s", flush=True)
    while seconds > 0:
        this = min(seconds, ROUND_SECONDS)
        context = multiprocessing.get_context("fork")
        round_of_it = context.Process(target=fuzz, args=(this, seed))
        round_of_it.start()
        round_of_it.join()
        if round_of_it.exitcode:
            return 1
        seconds, seed = seconds - this, seed + 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
