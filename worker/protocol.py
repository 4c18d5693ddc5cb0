"""TorchServe's messages between its front end and a worker, as bytes.

Integers are 32 bits, big-endian; a text or a value comes after its length; a list ends with a length of -1. The source
is TorchServe 0.12, ts/protocol/otf_message_handler.py, which will not change any more: it is archived.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOAD, PREDICT = b"L", b"I"
END_OF_LIST = -1
INTEGER = struct.Struct("!i")
CHUNK = 1 << 16
CLOCKS_DIFFER, LONGEST_WAIT = -0.01, 600.0  # nginx's time is of its last event, to a millisecond


class FrontEndClosed(Exception):
    """The front end has closed the connection: it wants this worker no more."""


class Unwritable(Exception):
    """An answer holds what JSON cannot."""


class ProtocolError(Exception):
    """What came is no message of TorchServe's."""


@dataclass(frozen=True)
class LoadRequest:
    """`gpu`: the device's number, None for the processor."""

    model: str
    folder: str
    batch_size: int
    handler: str
    gpu: int | None
    envelope: str
    limit_pixels: bool


@dataclass(frozen=True)
class Request:
    """One of a batch. `row`: its parameters by name, text and JSON decoded; `headers`: HTTP's by name, and for each
    parameter {"content-type": …} under its name, unless HTTP has that name too."""

    id: bytes
    row: Mapping[str, Any]
    headers: Mapping[str, Any]

    @property
    def is_probe(self) -> bool:
        """Asked by who watches the server, as common/server/torchserve.py has it, or for the handler's description."""
        return "X-Probe" in self.headers or "describe" in self.headers

    def waited(self, now: float) -> float | None:
        """Seconds until `now` (since 1970) from when nginx passed it on; None where nobody says, or what cannot be."""
        try:
            seconds = now - float(str(self.headers.get("X-Request-Start", "")).removeprefix("t="))
        except ValueError:
            return None
        return max(seconds, 0.0) if CLOCKS_DIFFER < seconds < LONGEST_WAIT else None


@dataclass
class Answer:
    """What one request gets. `value` is bytes, text, or anything that JSON can hold."""

    value: Any
    code: int = 200
    phrase: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Reader:
    """Reads from a connection; a large value goes from the socket straight to where it stays."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(CHUNK)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._next = END_OF_LIST

    def take(self, length: int) -> bytearray:
        """The next bytes. Raises FrontEndClosed when the connection ends first."""
        taken = bytearray(length)
        have = min(length, self._end - self._start)
        taken[:have] = self._view[self._start : self._start + have]
        self._start += have
        with memoryview(taken) as rest:
            while have < length:
                if length - have >= CHUNK:
                    have += self._receive(rest[have:])
                    continue
                self._start, self._end = 0, self._receive(self._view)
                more = min(length - have, self._end)
                rest[have : have + more] = self._view[:more]
                self._start, have = more, have + more
        return taken

    def _receive(self, into: memoryview) -> int:
        try:
            got = self._connection.recv_into(into)
        except ConnectionError:
            raise FrontEndClosed from None
        if not got:
            raise FrontEndClosed
        return got

    def integer(self) -> int:
        value: int = INTEGER.unpack(self.take(INTEGER.size))[0]
        return value

    def value(self) -> bytearray:
        return self.take(self._length())

    def text(self) -> str:
        return self.value().decode(errors="replace")

    def items(self) -> bool:
        """Whether a list goes on; `item` is then its next value."""
        self._next = self.integer()
        return self._next != END_OF_LIST

    def item(self) -> bytearray:
        return self.take(self._checked(self._next))

    def _length(self) -> int:
        return self._checked(self.integer())

    def _checked(self, length: int) -> int:
        if length < 0:
            raise ProtocolError(f"a length of {length}")
        return length


def read(reader: Reader) -> LoadRequest | list[Request]:
    """The next message: a model to load, or a batch to answer."""
    command = bytes(reader.take(1))
    if command == LOAD:
        return _load_request(reader)
    if command == PREDICT:
        return _batch(reader)
    raise ProtocolError(f"a message that begins with {command!r}")


def _load_request(reader: Reader) -> LoadRequest:
    model, folder = reader.text(), reader.text()
    batch_size = reader.integer()
    handler = reader.text()
    gpu = reader.integer()
    envelope = reader.text()
    return LoadRequest(
        model, folder, batch_size, handler, gpu if gpu >= 0 else None, envelope, reader.take(1) != b"\x00"
    )


def _batch(reader: Reader) -> list[Request]:
    found = []
    while reader.items():
        identity = bytes(reader.item())
        http = {}
        while reader.items():
            name = reader.item().decode(errors="replace")
            http[name] = reader.text()
        row: dict[str, Any] = {}
        headers: dict[str, Any] = {}
        while reader.items():
            name = reader.item().decode(errors="replace")
            kind = reader.text()
            row[name], headers[name] = _decoded(reader.value(), kind), {"content-type": kind}
        found.append(Request(identity, row, headers | http))
    return found


def _decoded(value: bytearray, kind: str) -> Any:
    """Text and JSON as such; as it came where it is neither after all."""
    try:
        if kind == "application/json":
            return json.loads(value)
        return value.decode() if kind.startswith("text") else value
    except (ValueError, RecursionError):  # the latter of JSON that is nested a thousand deep
        return value


def loaded(code: int, message: str) -> bytes:
    """The answer to a LoadRequest."""
    return INTEGER.pack(code) + _sized(message.encode()) + INTEGER.pack(END_OF_LIST)


def answered(batch: Sequence[Request], answers: Sequence[Answer]) -> bytes:
    """The answers to a batch, in its order. Raises Unwritable."""
    parts = [INTEGER.pack(200), _sized(b"Prediction success")]
    try:
        for request, answer in zip(batch, answers, strict=True):
            parts += _answer(request, answer)
    except TypeError:
        raise Unwritable from None
    return b"".join([*parts, INTEGER.pack(END_OF_LIST)])


def failed(batch: Sequence[Request], code: int, message: str) -> bytes:
    """The same answer to every request of a batch."""
    parts = [INTEGER.pack(code), _sized(message.encode())]
    for request in batch:
        # No content type, this status without a phrase, no headers.
        parts += [_sized(request.id), _sized(b""), INTEGER.pack(code), _sized(b""), INTEGER.pack(0), _sized(b"error")]
    return b"".join([*parts, INTEGER.pack(END_OF_LIST)])


def _answer(request: Request, answer: Answer) -> list[bytes]:
    headers = [
        part for name, value in answer.headers.items() for part in (_sized(name.encode()), _sized(value.encode()))
    ]
    return [
        _sized(request.id),
        _sized(answer.headers.get("content-type", "").encode()),
        INTEGER.pack(answer.code),
        _sized(answer.phrase.encode()),
        INTEGER.pack(len(answer.headers)),
        *headers,
        _sized(_written(answer.value)),
    ]


def _written(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return value.encode() if isinstance(value, str) else json.dumps(value, indent=2).encode()


def _sized(value: bytes) -> bytes:
    return INTEGER.pack(len(value)) + value
