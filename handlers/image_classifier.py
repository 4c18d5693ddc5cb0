"""The archive's entry point: pictures in, `{"Banana": 0.97, …}` out, as TorchServe's own image_classifier answers.

TorchServe takes the one class this file defines, calls `initialize` when a worker starts and `handle` for each
batch. An exception out of `handle` would fail the whole batch with 503, so what is wrong with one request
becomes that request's answer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import handler_settings
import measures
import model_file
from input_error import InputError
from picture_decoder import Picture, PictureDecoder
from request_row import picture_bytes, wanted_classes
from samples import Samples
from serving_context import Record, Row, ServingContext
from shadow import Shadow

# JSON has no NaN, so an answer that held one would be none.
NO_NUMBER = InputError(
    500,
    "The model's answer to this picture is not a number (NaN or infinite): a fault of the model, not of the picture.",
)


# Where a request's time goes, as browsers' tools show it: milliseconds, https://www.w3.org/TR/server-timing/. On every
# answer, refusals too: by it the gateway knows them from TorchServe's own (gateway/unanswered.js).
TIMING = "Server-Timing"
LABELS = "index_to_name.json"


class ImageClassifier:
    _loaded = False
    _decoders: ThreadPoolExecutor | None = None

    def measures(self, folder: Path) -> list[dict[str, Any]]:
        """For the kit's own worker: what `handle` records."""
        return measures.declared(handler_settings.labels(folder / LABELS))

    def about(self, folder: Path) -> dict[str, str]:
        """The same one's: the model in words."""
        return measures.about(folder)

    def preload(self, context: ServingContext) -> None:
        """For the kit's own worker: what is done once, before the workers are forked. Raises as `initialize` does."""
        self._load(context)
        self._model.before_fork(self._settings.threads, self._crop, _batch_size(context))

    def initialize(self, context: ServingContext) -> None:
        """Reads the archive and makes the slow first calls. Raises ValueError for a setting that cannot be."""
        if not self._loaded:
            self._load(context)
        classes = self._model.start(self._settings.threads, self._crop, _batch_size(context))
        if self._settings.threads > 1:  # its threads begin with the first batch: none is there to be forked
            self._decoders = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="decode")
        if classes != len(self._labels):
            raise ValueError(f"{LABELS} names {len(self._labels)} classes, the model has {classes}")
        # TorchServe's own worker logs two lines a request at INFO (that one came, and a PredictionTime gauge), which
        # the front end reads through a pipe and parses. Warnings and errors are still said.
        logging.disable(logging.INFO)

    def _load(self, context: ServingContext) -> None:
        properties = context.system_properties
        folder = Path(properties["model_dir"])
        self._settings = handler_settings.settings(context.model_yaml_config)
        self._labels = handler_settings.labels(folder / LABELS)
        self._measures = measures.Measures(self._labels)
        self._samples = Samples(handler_settings.sample(context.model_yaml_config))
        self._shadow = Shadow(context.manifest["model"]["modelName"], context.manifest["model"]["modelVersion"])
        wanted = handler_settings.preprocessing(folder / "preprocessing.json")
        self._decoder = PictureDecoder(
            wanted.resize, wanted.crop, wanted.interpolation, self._settings.max_pixels, wanted.fit
        )
        self._crop = wanted.crop
        self._model = model_file.load(folder / context.manifest["model"]["serializedFile"], properties.get("gpu_id"))
        self._loaded = True

    def handle(self, rows: Sequence[Row], context: ServingContext) -> list[dict[str, Any]]:
        """One answer for each row, in their order, and how long it took: the network's time is the whole batch's."""
        answers: dict[int, dict[str, Any]] = {}
        wanted: dict[int, tuple[int, bytes]] = {}
        pictures: dict[int, tuple[Picture, int, bytes]] = {}
        took: dict[int, float] = {}
        timing: dict[int, str] = {}
        for index, row in enumerate(rows):
            headers = context.get_all_request_header(index)
            context.set_response_content_type(index, "application/json")
            if headers.get("describe") == "True":
                answers[index] = self._description()
                continue
            begun = perf_counter()
            try:
                wanted[index] = wanted_classes(row, headers, self._settings.topk), picture_bytes(row, headers)
            except InputError as error:
                answers[index] = self._refuse(error, context, index)
                timing[index] = _timing("decode", perf_counter() - begun)
        decoded = self._decoder.pictures([data for _, data in wanted.values()], self._decoders)
        for (index, (topk, data)), (shown, seconds) in zip(wanted.items(), decoded, strict=True):
            timing[index], took[index] = _timing("decode", seconds), seconds
            if isinstance(shown, InputError):
                answers[index] = self._refuse(shown, context, index)
            else:
                pictures[index] = shown, topk, data
                self._measures.picture(_record(context, index), shown, seconds)
        if pictures:
            begun = perf_counter()
            probabilities = self._model.probabilities(np.stack([shown.pixels for shown, _, _ in pictures.values()]))
            seconds = perf_counter() - begun
            for (index, (_, topk, data)), row_of_classes in zip(pictures.items(), probabilities, strict=True):
                timing[index] += f", {_timing('network', seconds)}"
                if np.isfinite(row_of_classes).all():
                    answers[index] = self._best(row_of_classes, topk)
                    if record := _record(context, index):
                        self._measures.answer(record, row_of_classes, seconds)
                        best = int(row_of_classes.argmax())
                        label, sure = self._labels[best], float(row_of_classes[best])
                        self._samples.offer(data, label, sure)
                        self._shadow.offer(data, label, sure, took[index] + seconds)
                else:
                    answers[index] = self._refuse(NO_NUMBER, context, index)
        for index, words in timing.items():
            context.set_response_header(index, TIMING, words)
        return [answers[index] for index in range(len(rows))]

    def _refuse(self, error: InputError, context: ServingContext, index: int) -> dict[str, Any]:
        context.set_response_status(error.code, error.phrase, index)
        self._measures.refused(_record(context, index), error)
        return error.body

    def _best(self, probabilities: npt.NDArray[np.float32], topk: int) -> dict[str, float]:
        """The `topk` likeliest classes from the best. Of two classes with one name the likelier speaks."""
        answer: dict[str, float] = {}
        # A stable sort: equal probabilities keep the order of the classes, alone and in any batch.
        for index in np.argsort(-probabilities, kind="stable")[:topk]:
            answer.setdefault(self._labels[index], float(probabilities[index]))
        return answer

    def _description(self) -> dict[str, int]:
        """For the management API's `?customized=true`.

        A worker answers in turn, so a description from a pid means that this worker has finished what it held.
        """
        return {"pid": os.getpid(), "threads": self._model.threads, "classes": len(self._labels)}


def _record(context: ServingContext, index: int) -> Record | None:
    """TorchServe's own worker has no place for what is measured."""
    return context.record(index) if hasattr(context, "record") else None


def _batch_size(context: ServingContext) -> int:
    return context.system_properties.get("batch_size") or 1


def _timing(what: str, seconds: float) -> str:
    return f"{what};dur={seconds * 1000:.2f}"
