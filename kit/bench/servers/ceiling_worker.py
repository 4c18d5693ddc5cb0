"""The handler without a server: `python -m kit.bench.servers.ceiling_worker`, one process of the ceiling.

Reads lines of JSON from stdin: first `{"folder": an unpacked archive, "pictures": [files]}`; then, for each
measurement, `[opens, ends]` (monotonic clock), at which it answers pictures until `ends` and prints how many it
finished after `opens`. It prints `null` when the model is loaded, and ends with its stdin.
"""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass
class PlainContext:
    """What the handler asks of TorchServe, answered as TorchServe does for a picture sent as the body."""

    manifest: dict[str, Any]
    model_yaml_config: dict[str, Any]
    system_properties: dict[str, Any]

    def get_all_request_header(self, idx: int) -> dict[str, Any]:
        return {}

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        raise RuntimeError(f"the handler refuses a picture of the bench: {code} {phrase}")

    def set_response_content_type(self, idx: int, value: str) -> None:
        pass

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        pass


def context(folder: Path) -> PlainContext:
    """For an unpacked archive, with one thread whatever its profile says."""
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((folder / manifest["model"]["configFile"]).read_text(encoding="utf-8")) or {}
    config["handler"] = {**(config.get("handler") or {}), "threads": 1}
    return PlainContext(manifest, config, {"model_dir": str(folder), "gpu_id": None, "batch_size": 1})


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    folder = Path(plan["folder"])
    sys.path.insert(0, str(folder))  # the handler that is being served, not the one in the tree
    about = context(folder)
    handler = importlib.import_module("image_classifier").ImageClassifier()
    handler.initialize(about)
    pictures = itertools.cycle([Path(file).read_bytes() for file in plan["pictures"]])
    print("null", flush=True)
    for line in sys.stdin:
        opens, ends = json.loads(line)
        finished = 0
        while True:
            json.dumps(handler.handle([{"body": next(pictures)}], about)[0])
            now = time.monotonic()
            if now >= ends:
                break
            finished += now >= opens
        print(finished, flush=True)


if __name__ == "__main__":
    main()
