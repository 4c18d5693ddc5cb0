"""What stops a worker from loading, and what it says; what it sets up when it does."""

from __future__ import annotations

import importlib.machinery
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.handlers.handler_worker import LABELS, PROJECT, TinyModel, Worker, write_archive

Load = Callable[..., Worker]
HANDLERS = PROJECT / "handlers"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"thread": 1}, "does not know thread"),
        ({"threads": 0}, "threads must be"),
        ({"threads": True}, "threads must be"),
        ({"threads": "many"}, "or all, not 'many'"),
        ({"topk": 0}, "topk must be"),
        ({"topk": 2.5}, "topk must be"),
        ({"maxPixels": "50M"}, "maxPixels must be"),
        ({"maxPixels": 10**9}, "maxPixels must be"),
        (["threads"], "must hold keys and values"),
    ],
)
def test_bad_settings_stop_the_load_by_name(load: Load, config: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        load(config)


def test_nothing_is_logged_for_a_request_but_warnings_still_are(load: Load) -> None:
    try:
        load({})
        assert not logging.getLogger("ts.service").isEnabledFor(logging.INFO)
        assert logging.getLogger("ts.service").isEnabledFor(logging.WARNING)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("preprocessing", "words"),
    [
        ({"crop": 256}, "crop <= resize"),
        ({"resize": [256, 256]}, "crop <= resize"),
        ({"antialias": False}, "antialias must be true"),
        ({"fit": "stretch"}, "fit 'stretch' is unknown"),
        ({"interpolation": "cubic"}, "interpolation 'cubic' is unknown"),
    ],
)
def test_bad_preprocessing_stops_the_load_by_name(load: Load, preprocessing: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        load(**preprocessing)


def test_labels_must_fit_the_model(load: Load) -> None:
    with pytest.raises(ValueError, match="names 3 classes, the model has 10"):
        load(labels=LABELS[:3])


@pytest.mark.parametrize(
    ("config", "threads"),
    [(None, 1), ({}, 1), ({"threads": 2}, 2), ({"threads": "all"}, len(os.sched_getaffinity(0)))],
)
def test_threads_are_set(load: Load, config: Any, threads: int) -> None:
    load(config)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("engine", "loads"), [("qnnpack", True), ("abacus", False)])
def test_the_engine_of_an_int8_model_is_set_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, loads: bool
) -> None:
    monkeypatch.setattr(torch.backends.quantized, "engine", torch.backends.quantized.engine)
    folder = write_archive(tmp_path, TinyModel(), LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(folder / "model.pt")  # type: ignore[no-untyped-call]
        torch.jit.save(module, folder / "model.pt", {"quantized_engine": engine})
    if loads:
        Worker(folder, 1)
        assert torch.backends.quantized.engine == engine
    else:
        with pytest.raises(ValueError, match="int8 for the engine abacus; torch has"):
            Worker(folder, 1)


def test_the_handler_needs_numpy_pillow_and_what_runs_the_model_only() -> None:
    ours = {path.stem for path in HANDLERS.glob("*.py")}
    imported = re.compile(r"^\s*(?:from|import) ([a-zA-Z_]\w*)", re.MULTILINE)
    for path in HANDLERS.glob("*.py"):
        for name in imported.findall(path.read_text()):
            assert name in ours | {"torch", "onnxruntime", "numpy", "PIL"} | set(sys.stdlib_module_names), (
                f"{path.name}: {name}"
            )


def test_no_file_hides_an_installed_module() -> None:
    """The archive's folder comes before everything else on the worker's path."""
    for path in HANDLERS.glob("*.py"):
        found = importlib.machinery.PathFinder.find_spec(path.stem, [p for p in sys.path if "handlers" not in p])
        assert found is None, found
        assert path.stem not in sys.stdlib_module_names
