"""Unpacked archives with small handlers, as TorchServe leaves them in its TEMP."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

ECHO = """
import os

LOADED_BY = []


class Echo:
    def preload(self, context):
        LOADED_BY.append(os.getpid())

    def initialize(self, context):
        self.batch_size = context.system_properties["batch_size"]

    def handle(self, rows, context):
        return [{"row": {k: v if isinstance(v, (str, dict)) else bytes(v).decode() for k, v in row.items()},
                 "pid": os.getpid(), "parent": os.getppid(), "loaded_by": LOADED_BY} for row in rows]
"""


def archive(folder: Path, handler: str = ECHO, config: str = "batchSize: 1\n") -> Path:
    (folder / "MAR-INF").mkdir(parents=True)
    described = {"model": {"handler": "echo_handler.py", "configFile": "model-config.yaml", "modelName": "echo"}}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(described))
    (folder / "model-config.yaml").write_text(config)
    (folder / "echo_handler.py").write_text(textwrap.dedent(handler))
    return folder
