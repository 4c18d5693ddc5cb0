"""The same network as a user without this kit serves it: a float32 trace and TorchServe's own image_classifier.

The stock handler resizes to 256 and crops 224 whatever the network was trained with, so its answers may differ from
ours; the expected one is made here as it makes them. Imports torch, which takes seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common.durable import sha256
from common.errors import KitError
from kit.build import Build
from kit.files import read_json, write_json
from kit.golden import Golden
from kit.model.deprecated.torchscript import save_plain_trace
from kit.model.pictures.decoding import decode
from kit.model.source import labels
from kit.model.source.preprocessing import Preprocessing
from kit.model.source.request import Request
from kit.model.source.resolving import Source, resolve

MODEL_NAME = "stock"
LABELS = "index_to_name.json"
# ts/torch_handler/image_classifier.py, image_processing.
STOCK_PREPROCESSING = Preprocessing(256, 224, "bilinear", True, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def make(request: Request, build: Build, picture: Path, store: Path) -> tuple[dict[str, Any], Golden]:
    """Write stock.mar into the folder `store`. Returns what archive.json would say of it, and its right answer.

    Raises KitError when `request` is not the network that was exported, or the archiver refuses.
    """
    source = resolve(request)
    exported = read_json(build.export_report, "make archive")
    if exported["weights"]["sha256"] != source.weights_sha256:
        raise KitError(
            f"the stock server would serve {source.origin}, and {exported['weights']['source']} was exported",
            "give the ARCH=, WEIGHTS=, LABELS= and PREPROCESSING= that `make export` was given",
        )
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent) as folder:
        parts = Path(folder)
        expected = _trace(source, picture, parts / "model.pt")
        write_json(parts / LABELS, labels.document(source.labels))
        # The archiver deletes $TMPDIR/<model name> first, so it gets a TMPDIR of its own.
        done = subprocess.run(
            archiver_command(parts, store), env=os.environ | {"TMPDIR": folder}, capture_output=True, text=True
        )
    if done.returncode:
        raise KitError(f"torch-model-archiver failed: {done.stderr.strip()[-300:]}", "make setup")
    archive = store / f"{MODEL_NAME}.mar"
    described = {
        "file": archive.name,
        "model_name": MODEL_NAME,
        "model_version": "1.0",
        "sha256": sha256(archive),
        "size": archive.stat().st_size,
    }
    return described, Golden(picture, expected, tolerance=0.01)


def archiver_command(parts: Path, store: Path) -> list[str]:
    """As in TorchServe's own example of an image classifier."""
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--force"]
    command += ["--model-name", MODEL_NAME, "--version", "1.0", "--handler", "image_classifier"]
    command += ["--serialized-file", str(parts / "model.pt"), "--extra-files", str(parts / LABELS)]
    return [*command, "--export-path", str(store)]


def _trace(source: Source, picture: Path, into: Path) -> dict[str, float]:
    """Trace as TorchServe's examples do; the best label and its probability."""
    inputs = STOCK_PREPROCESSING.normalised(decode(picture, STOCK_PREPROCESSING).unsqueeze(0))
    probability, answer = save_plain_trace(source.network, inputs, into).softmax(dim=1).max(dim=1)
    return {source.labels[int(answer)]: float(probability)}
