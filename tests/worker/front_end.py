"""The other side of the protocol, as TorchServe's front end speaks it; written from the same source, not from ours."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def sized(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


def load(folder: str, model: str = "echo", batch_size: int = 1, gpu: int = -1) -> bytes:
    texts = [sized(text.encode()) for text in (model, folder)]
    return (
        b"L"
        + b"".join(texts)
        + struct.pack("!i", batch_size)
        + sized(b"echo_handler.py")
        + struct.pack("!i", gpu)
        + sized(b"")
        + b"\x01"
    )


Parameters = Sequence[tuple[str, str, bytes]]


def predict(batch: Sequence[tuple[Mapping[str, str], Parameters]]) -> bytes:
    """Of each request its HTTP headers and its parameters: name, type, value."""
    end = struct.pack("!i", -1)
    message = b"I"
    for number, (headers, parameters) in enumerate(batch):
        message += sized(f"request-{number}".encode())
        message += b"".join(sized(name.encode()) + sized(value.encode()) for name, value in headers.items()) + end
        message += b"".join(
            sized(name.encode()) + sized(kind.encode()) + sized(value) for name, kind, value in parameters
        )
        message += end
    return message + end


@dataclass(frozen=True)
class Said:
    """One request's answer."""

    id: str
    content_type: str
    code: int
    phrase: str
    headers: dict[str, str]
    value: bytes


def answer(connection: socket.socket) -> tuple[int, str, list[Said]]:
    """The code and message of the whole, and what each request got."""

    def take(length: int) -> bytes:
        found = b""
        while len(found) < length:
            more = connection.recv(length - len(found))
            assert more, "the worker closed the connection"
            found += more
        return found

    def integer() -> int:
        return int(struct.unpack("!i", take(4))[0])

    def text() -> str:
        return take(integer()).decode()

    code, message = integer(), text()
    answers = []
    while (length := integer()) != -1:
        identity = take(length).decode()
        content_type, status, phrase = text(), integer(), text()
        headers = {text(): text() for _ in range(integer())}
        answers.append(Said(identity, content_type, status, phrase, headers, take(integer())))
    return code, message, answers
