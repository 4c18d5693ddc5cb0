"""Requests made up from honest ones: bytes for a connection, the same for the same seed."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) + b"\xff\xd9"
ODD: tuple[Any, ...] = (None, True, -1, 0, 2**53, 1e308, "", "\u0000", "ä" * 100, [], {}, [[]], "A" * 5000, [None] * 70)
TARGETS = (
    "/models", "//models", "/predictions/../models", "/predictions/%2e%2e/models", "/%00", "/%", "*", "http://a/models",
    "/predictions/" + "a" * 3000, "/v2/models/x/versions/1/infer", "/-/predict/x", "/metrics", "/status", "/health",
    "/page/../settings.json", "/predictions/x?topk=" + "9" * 400, "/?" + "a&" * 2000,
)  # fmt: skip
HEADERS = (
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 0", "Content-Length: 99999999",
    "Content-Length: -1", "Content-Encoding: gzip", "Content-Encoding: br", "Expect: 100-continue", "Upgrade: h2c",
    "Connection: close", "Connection: keep-alive, Authorization", "Range: bytes=0-", "topk: 3", "topk: -1",
    "describe: True", "Inference-Header-Content-Length: 7", "Inference-Header-Content-Length: x", "traceparent: \x01",
    "Host: b", "X: " + "y" * 9000,
    "Content-Type: multipart/form-data; boundary=" + "b" * 300, "Content-Type: application/x-www-form-urlencoded",
)  # fmt: skip


def honest(model: str) -> list[tuple[str, str, dict[str, str], bytes]]:
    """(method, target, headers, body) of every way to ask."""
    text = base64.b64encode(PICTURE).decode()
    tensor = {"name": "p", "shape": [2], "datatype": "BYTES", "data": [text, text]}
    raw = struct.pack("<I", len(PICTURE)) + PICTURE
    binary = {"name": "p", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [binary]}).encode()
    form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + PICTURE + b"\r\n--b--\r\n"
    name = model.encode()
    inner = b"\x0a\x01p\x12\x05BYTES\x1a\x01\x01"
    message = b"\x0a" + bytes([len(name)]) + name + b"\x2a" + bytes([len(inner)]) + inner
    message += b"\x3a" + _varint(len(raw)) + raw
    v2 = f"/v2/models/{model}/infer"
    return [
        ("POST", f"/predictions/{model}?topk=2", {}, PICTURE),
        ("PUT", f"/predictions/{model}", {"Content-Type": "application/json"}, json.dumps({"data": text}).encode()),
        ("POST", f"/predictions/{model}", {"Content-Type": "multipart/form-data; boundary=b"}, form),
        (
            "POST",
            f"/predictions/{model}",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"data=" + text.replace("+", "%2B").encode(),
        ),
        ("POST", f"/v1/models/{model}:predict", {}, json.dumps({"instances": [{"b64": text}, text]}).encode()),
        ("POST", v2, {}, json.dumps({"id": "1", "inputs": [tensor], "outputs": [{"name": "label"}]}).encode()),
        ("POST", v2, {"Inference-Header-Content-Length": str(len(head))}, head + raw),
        (
            "POST",
            "/inference.GRPCInferenceService/ModelInfer",
            {"Content-Type": "application/grpc", "TE": "trailers"},
            b"\x00" + struct.pack(">I", len(message)) + message,
        ),
        ("GET", "/metrics", {}, b""),
        ("GET", f"/v2/models/{model}", {}, b""),
        ("GET", "/openapi.json", {}, b""),
    ]


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value % 128 + 128)
        value //= 128
    return bytes([*made, value])


def messages(model: str, key: str, seed: int) -> Iterator[bytes]:
    """Without an end."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    kinds = honest(model)
    while True:
        made = b"".join(_one(chance, kinds, key) for _ in range(chance.choice((1, 1, 1, 2, 4))))
        yield _damaged(chance, made) if chance.random() < 0.3 else made


def _one(chance: random.Random, kinds: list[tuple[str, str, dict[str, str], bytes]], key: str) -> bytes:
    method, target, headers, body = chance.choice(kinds)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if chance.random() < 0.9:
        lines.append(f"Authorization: Bearer {key if chance.random() < 0.95 else key[::-1]}")
    if chance.random() < 0.5:
        body = chance.choice(BODIES)(chance, body)
    if chance.random() < 0.15:
        target = chance.choice(TARGETS)
    if chance.random() < 0.1:
        method = chance.choice(("GET", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PRI", "post", "", "A" * 100))
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(HEADERS))
    if chance.random() < 0.2:
        lines.append("Transfer-Encoding: chunked")
        body = _chunked(chance, body)
    elif body or chance.random() < 0.5:
        off = chance.choice((-1, 1, 1000)) if chance.random() < 0.05 else 0
        lines.append(f"Content-Length: {len(body) + off}")
    version = "HTTP/1.1" if chance.random() < 0.95 else chance.choice(("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9"))
    head = "\r\n".join([f"{method} {target} {version}", "Host: a", *lines, "", ""])
    return head.encode("utf-8") + body


def _chunked(chance: random.Random, body: bytes) -> bytes:
    made, at = b"", 0
    while at < len(body):
        size = chance.randint(1, max(1, len(body)))
        part = body[at : at + size]
        made += f"{len(part):x}".encode() + chance.choice((b"", b";a=b")) + b"\r\n" + part + b"\r\n"
        at += size
    return made + b"0\r\n\r\n"


def _damaged(chance: random.Random, message: bytes) -> bytes:
    made = bytearray(message)
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(made) or 1)
        kind = chance.random()
        if kind < 0.4 and made:
            made[at] = chance.randrange(256)
        elif kind < 0.6:
            del made[at : at + chance.randint(1, 20)]
        elif kind < 0.8:
            made[at:at] = chance.choice((b"\r\n", b"\n", b"\x00", b" ", b"\xff" * 9, b"\r\n\r\n", b"0\r\n\r\n"))
        else:
            made = made[:at]
    return bytes(made)


def _json_damaged(chance: random.Random, body: bytes) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return _damaged(chance, body)
    holder = document
    while isinstance(holder, dict | list) and holder:
        place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if chance.random() < 0.4 or not isinstance(holder[place], dict | list) or not holder[place]:
            holder[place] = chance.choice(ODD)
            break
        holder = holder[place]
    return json.dumps(document).encode()


BODIES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _damaged,
    _json_damaged,
    lambda chance, body: body[: chance.randrange(len(body) + 1)],
    lambda chance, body: body * chance.randint(2, 40),
    lambda chance, body: chance.randbytes(chance.randrange(3000)),
)
