"""What has to be refused: a wrong token, where the server has tokens, and what is not a picture.

What is not a picture gets a 4xx with a sentence, and the server goes on answering. A 5xx would blame the server for the
client's mistake: it wakes people up, and clients send the request again.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import httpx

from common.server.torchserve import ApiError, error_text
from kit.smoke.outcome import CheckFailed, Warned, require
from kit.smoke.predictions import check_still_answers
from kit.smoke.session import Session

WRONG = {"Authorization": "Bearer not-a-token-of-this-server", "Connection": "close"}
ANSWER_SECONDS = 10.0
BOMB_SIDE = 60_000


def wrong_inference_token(session: Session) -> str:
    picture = session.golden.picture.read_bytes()
    response = session.inference.put(session.predictions, content=picture, headers=WRONG)
    return _turned_away(response.status_code, response.content, bool(session.target.headers))


def wrong_management_token(session: Session) -> str:
    try:
        answer = replace(session.management, opened_by=WRONG).ask("a wrong token", "GET", "/models", ANSWER_SECONDS)
        status = 200
    except ApiError as refusal:
        answer, status = refusal.body, refusal.status
    return _turned_away(status, answer, bool(session.target.management_headers))


def _turned_away(status: int, answer: bytes, have_token: bool) -> str:
    if status == 200:
        if have_token:
            raise CheckFailed("a wrong token is accepted, so the right one protects nothing")
        raise Warned("tokens are off: whoever reaches this address is answered")
    said = f"HTTP {status}, {error_text(answer)}"
    require(400 <= status < 500, f"expected 4xx, got {said}")
    return said


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
