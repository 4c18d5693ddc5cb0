"""A wrong token is turned away, where the server has tokens."""

from __future__ import annotations

from dataclasses import replace

from common.torchserve import ApiError, error_text
from kit.smoke.outcome import CheckFailed, Warned, require
from kit.smoke.session import Session

WRONG = {"Authorization": "Bearer not-a-token-of-this-server", "Connection": "close"}
ANSWER_SECONDS = 10.0


def inference(session: Session) -> str:
    picture = session.golden.picture.read_bytes()
    response = session.inference.put(session.predictions, content=picture, headers=WRONG)
    return _refused(response.status_code, response.content, bool(session.target.headers))


def management(session: Session) -> str:
    try:
        answer = replace(session.management, opened_by=WRONG).ask("a wrong token", "GET", "/models", ANSWER_SECONDS)
        status = 200
    except ApiError as refusal:
        answer, status = refusal.body, refusal.status
    return _refused(status, answer, bool(session.target.management_headers))


def _refused(status: int, answer: bytes, have_token: bool) -> str:
    if status == 200:
        if have_token:
            raise CheckFailed("a wrong token is accepted, so the right one protects nothing")
        raise Warned("tokens are off: whoever reaches this address is answered")
    said = f"HTTP {status}, {error_text(answer)}"
    require(400 <= status < 500, f"expected 4xx, got {said}")
    return said
