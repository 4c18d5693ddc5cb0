"""What is no picture gets a 4xx with a sentence, and the server goes on answering.

A 5xx would blame the server for the client's mistake: it wakes people up, and clients send the request again.
"""

from __future__ import annotations

import struct

import httpx

from common.torchserve import error_text
from kit.smoke.outcome import require
from kit.smoke.predictions import check_still_answers
from kit.smoke.session import Session

BOMB_SIDE = 60_000


def bomb() -> bytes:
    """A GIF of some 40 bytes that says it is 60000 × 60000: 10.8 GB for whoever decodes it without looking."""
    size = struct.pack("<HH", BOMB_SIDE, BOMB_SIDE)
    screen = b"GIF89a" + size + b"\x80\x00\x00" + b"\x00\x00\x00\xff\xff\xff"
    return screen + b"\x2c\x00\x00\x00\x00" + size + b"\x00" + b"\x02\x02\x4c\x01\x00\x3b"


def empty(session: Session) -> str:
    return _refused(session, b"")


def text(session: Session) -> str:
    return _refused(session, b"This is a sentence and no picture.\n" * 10)


def truncated(session: Session) -> str:
    whole = session.golden.picture.read_bytes()
    return _refused(session, whole[: len(whole) // 2])


def huge(session: Session) -> str:
    return _refused(session, bomb())


def _refused(session: Session, content: bytes) -> str:
    # TorchServe closes the connection after an error without saying so first; asking for that keeps the next
    # request from going into a connection that is about to end.
    response = session.inference.put(session.predictions, content=content, headers={"Connection": "close"})
    said = f"HTTP {response.status_code}, {error_text(response.content)}"
    require(400 <= response.status_code < 500, f"expected 4xx, got {said}")
    require(_has_message(response), f"expected a JSON document with a message, got {said}")
    check_still_answers(session)
    return said


def _has_message(response: httpx.Response) -> bool:
    try:
        document = response.json()
    except ValueError:
        return False
    return isinstance(document, dict) and bool(str(document.get("message", "")).strip())
