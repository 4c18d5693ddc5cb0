"""One worker: it listens where TorchServe wants it, loads what it is told to, and answers one batch after the other."""

from __future__ import annotations

import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter, time

from worker import protocol
from worker.context import Context
from worker.loading import Handler
from worker.metrics import Row
from worker.protocol import FrontEndClosed, LoadRequest, Reader, Request, Unwritable

CONNECTED_WITHIN = 30.0  # seconds; TorchServe connects as soon as it reads STARTED
STARTED = "Torch worker started."
OUT_OF_MEMORY = 507
FAILED = 503


def serve(name: str, handler: Handler | Exception, row: Row) -> None:
    """Answer TorchServe on the unix socket `name` until it closes the connection. `handler`, or why there is none; what
    is answered is counted in `row`.

    What happens is told on stdout, which TorchServe logs. Raises SystemExit when the model cannot be loaded.
    """
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO, force=True)
    Path(name).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen(1)
        listener.settimeout(CONNECTED_WITHIN)
        print(f"[PID]{os.getpid()}\n{STARTED}", flush=True)
        connection, _ = listener.accept()
    with connection, suppress(FrontEndClosed):
        connection.setblocking(True)
        Worker(connection, handler, row).run()


class Worker:
    def __init__(self, connection: socket.socket, handler: Handler | Exception, row: Row) -> None:
        self._connection, self._reader, self._handler, self._row = connection, Reader(connection), handler, row
        self._context: Context | None = None

    def run(self) -> None:
        """Raises FrontEndClosed when TorchServe wants this worker no more."""
        while True:
            message = protocol.read(self._reader)
            if isinstance(message, LoadRequest):
                self._load(message)
            else:
                arrived, begun = time(), perf_counter()
                answer, codes = self._answer(message)
                self._record(message, codes, arrived, perf_counter() - begun)
                self._send(answer)  # whoever has its answer finds it counted

    def _load(self, request: LoadRequest) -> None:
        try:
            if isinstance(self._handler, Exception):
                raise self._handler
            context = self._handler.context(request, self._row)
            self._handler.initialize(context)
        except Exception as error:
            logging.exception("Failed to load model %s, exception %s", request.model, error)
            code = OUT_OF_MEMORY if is_memory(error) else 500
            self._send(protocol.loaded(code, "System out of memory" if code == OUT_OF_MEMORY else str(error)))
            raise SystemExit(1) from None
        self._context = context
        self._send(protocol.loaded(200, f"loaded model {request.model}"))

    def _send(self, message: bytes) -> None:
        try:
            self._connection.sendall(message)
        except ConnectionError:
            raise FrontEndClosed from None

    def _record(self, batch: list[Request], codes: list[int], arrived: float, seconds: float) -> None:
        row, probes = self._row, 0
        for request, code in zip(batch, codes, strict=True):
            if request.is_probe:
                row.status("probes", code)
                probes += 1
                continue
            row.status("code", code)
            row.observe("handler", seconds)
            if (waited := request.waited(arrived)) is not None:
                row.observe("queue", waited)
                row.observe("total", waited + seconds)
        if probes < len(batch):
            row.observe("batch", len(batch) - probes)

    def _answer(self, batch: list[Request]) -> tuple[bytes, list[int]]:
        """What goes to TorchServe, and each request's HTTP status."""
        handler, context = self._handler, self._context
        if isinstance(handler, Exception) or context is None:
            return _failed(batch, FAILED, "No model is loaded")
        context.begin(batch)
        try:
            values = handler.handle([request.row for request in batch], context)
        except Exception as error:
            logging.warning("The handler failed.", exc_info=True)
            if is_memory(error):
                return _failed(batch, OUT_OF_MEMORY, "Out of resources")
            code = getattr(error, "error_code", FAILED)
            return _failed(batch, code, getattr(error, "message", "Prediction failed"))
        if not isinstance(values, list) or len(values) != len(batch):
            logging.warning("The handler gave %s for %d requests.", type(values).__name__, len(batch))
            return _failed(batch, FAILED, "number of batch response mismatched")
        for answer, value in zip(context.answers, values, strict=True):
            answer.value = value
        try:
            return protocol.answered(batch, context.answers), [answer.code for answer in context.answers]
        except Unwritable:
            return _failed(batch, FAILED, "Unsupported model output data type.")


def _failed(batch: list[Request], code: int, message: str) -> tuple[bytes, list[int]]:
    return protocol.failed(batch, code, message), [code] * len(batch)


def is_memory(error: Exception) -> bool:
    """Also a GPU's, which torch has as an error of its own."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
