"""From an unpacked archive to a handler that can be asked."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from worker.context import Context
from worker.metrics import Measure, Row
from worker.protocol import LoadRequest


class NotLoaded(Exception):
    """The archive is one that this worker cannot serve."""


class Handler:
    """The archive's handler: a class with `initialize(context)` and `handle(rows, context)`. Where it has them:
    `preload(context)` is what can be done once for all workers, before they are forked, without a GPU and without
    threads; `measures(folder)` what it records, as worker/metrics.py takes it; `about(folder)` its model, in words."""

    def __init__(self, folder: Path) -> None:
        """Imports the file that the archive's manifest names; the folder is on Python's path. Raises NotLoaded when it
        holds no such class, and whatever its import raises."""
        self._manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
        self._config = _config(folder / self._manifest["model"].get("configFile", ""))
        self._handler = _handler_class(importlib.import_module(Path(self._manifest["model"]["handler"]).stem))()
        model, handler = self._manifest["model"], self._handler
        self.measures: list[Measure] = handler.measures(folder) if hasattr(handler, "measures") else []
        self.about = {"model": str(model.get("modelName", "")), "version": str(model.get("modelVersion", ""))}
        if hasattr(handler, "about"):
            self.about |= handler.about(folder)

    def context(self, request: LoadRequest, row: Row | None = None) -> Context:
        return Context(request, self._manifest, self._config, row)

    def preload(self, context: Context) -> None:
        if hasattr(self._handler, "preload"):
            self._handler.preload(context)

    def initialize(self, context: Context) -> None:
        self._handler.initialize(context)

    def handle(self, rows: list[Any], context: Context) -> Any:
        return self._handler.handle(rows, context)

    @property
    def serves_on_a_gpu(self) -> bool:
        """False where the configuration rules it out."""
        return self._config.get("deviceType") != "cpu"


def _config(file: Path) -> dict[str, Any]:
    read = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    return read if isinstance(read, dict) else {}


def _handler_class(module: ModuleType) -> Any:
    found = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__ and hasattr(one, "handle") and hasattr(one, "initialize")
    ]
    if len(found) != 1:
        raise NotLoaded(
            f"{module.__name__}.py has {len(found)} classes with initialize and handle, and needs one;"
            " `worker: torchserve` in model-config.yaml serves other handlers"
        )
    return found[0]
