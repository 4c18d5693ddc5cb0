"""A handler as TorchServe loads it: its own model loader, context and request processors, without the server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ts leaves its version file open
    from ts.context import RequestProcessor  # type: ignore[import-untyped]
    from ts.model_loader import TsModelLoader  # type: ignore[import-untyped]
    from ts.service import Service  # type: ignore[import-untyped]

PROJECT = Path(__file__).resolve().parents[2]
MODEL = PROJECT / "models" / "resnet18-grocery43"
LABELS = ["red", "green", "blue", "cyan", "magenta", "yellow", "black", "white", "grey", "brown"]


class TinyModel(torch.nn.Module):
    """Averages over a 4 × 4 grid, then one seeded layer: fast, and different pictures get different answers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layer = torch.nn.Linear(48, len(LABELS))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        grid = torch.nn.functional.adaptive_avg_pool2d(pixels.float() / 64, 4)
        return torch.softmax(self.layer(grid.flatten(1)), 1)


@dataclass
class Answer:
    status: int
    phrase: str | None
    content_type: str | None
    timing: str | None
    body: dict[str, Any]


def _answer(context: Any, index: int, body: dict[str, Any]) -> Answer:
    status, phrase = context.get_response_status(index)
    timing = context.get_response_headers(index).get("Server-Timing")
    return Answer(status, phrase, context.get_response_content_type(index), timing, body)


class Worker:
    """One loaded model; `ask` is one batch of requests, given as rows or as bare bodies."""

    def __init__(self, folder: Path, batch_size: int) -> None:
        self.service: Service = TsModelLoader().load(
            "model", str(folder), "image_classifier.py", None, batch_size, None, True, None
        )

    def ask(self, *requests: bytes | dict[str, Any], headers: Sequence[dict[str, Any]] = ()) -> list[Answer]:
        rows = [request if isinstance(request, dict) else {"body": request} for request in requests]
        # TorchServe lists every parameter's Content-Type first and lets the HTTP headers overwrite it.
        given = headers or [{}] * len(rows)
        processors = [
            RequestProcessor({**{name: {"content-type": ""} for name in row}, **extra})
            for row, extra in zip(rows, given, strict=True)
        ]
        context = self.service.context
        context.request_processor = processors
        bodies = self.service._entry_point(rows, context)
        assert isinstance(bodies, list)
        assert len(bodies) == len(rows)
        return [_answer(context, index, body) for index, body in enumerate(bodies)]

    def one(self, request: bytes | dict[str, Any], **headers: Any) -> Answer:
        return self.ask(request, headers=[headers])[0]


def write_archive(
    folder: Path, model: torch.nn.Module, labels: list[str], config: Any = None, **preprocessing: Any
) -> Path:
    """What lies in a worker's model_dir; `config` is the `handler:` section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's deprecation is the kit's concern, not these tests'
        scripted = torch.jit.trace(model.eval(), torch.zeros(1, 3, 224, 224, dtype=torch.uint8))  # type: ignore[no-untyped-call]
        scripted.save(folder / "model.pt")
    prepare = {"resize": 224, "crop": 224, "interpolation": "bilinear", "antialias": True, **preprocessing}
    (folder / "index_to_name.json").write_text(json.dumps({str(i): name for i, name in enumerate(labels)}))
    (folder / "preprocessing.json").write_text(json.dumps(prepare))
    (folder / "model-config.yaml").write_text(json.dumps({"minWorkers": 1, "handler": config}))
    (folder / "MAR-INF").mkdir()
    manifest = {
        "model": {
            "modelName": "tiny",
            "modelVersion": "1.0",
            "serializedFile": "model.pt",
            "configFile": "model-config.yaml",
        }
    }
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder
