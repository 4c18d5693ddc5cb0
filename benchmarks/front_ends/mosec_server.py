"""The kit's handler behind mosec: `python -m benchmarks.front_ends.mosec_server --port P …`, mosec's own options.

FOLDER (in the environment) is the unpacked archive, WORKERS how many processes, ROUTE where it answers.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from mosec import Server, Worker

from kit.bench.servers.ceiling_worker import context


class Classifier(Worker):  # type: ignore[misc]
    def __init__(self) -> None:
        folder = Path(os.environ["FOLDER"])
        sys.path.insert(0, str(folder))
        self._context = context(folder)
        self._handler = importlib.import_module("image_classifier").ImageClassifier()
        self._handler.initialize(self._context)

    def deserialize(self, data: bytes) -> bytes:
        return data

    def serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def forward(self, data: bytes) -> Any:
        return self._handler.handle([{"body": data}], self._context)[0]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classifier, num=int(os.environ["WORKERS"]), route=os.environ["ROUTE"])
    server.run()
