"""A wrong token is turned away, where the server has tokens."""

from __future__ import annotations

import httpx

from kit.serving.api import error_text
from kit.smoke.outcome import CheckFailed, Warned, require
from kit.smoke.session import Session

WRONG = {"Authorization": "Bearer not-a-token-of-this-server", "Connection": "close"}


def inference(session: Session) -> str:
    picture = session.golden.picture.read_bytes()
    response = session.inference.put(session.predictions, content=picture, headers=WRONG)
    return _refused(response, bool(session.target.headers))


def management(session: Session) -> str:
    response = session.management.http.get("/models", headers=WRONG)
    return _refused(response, bool(session.target.management_headers))


def _refused(response: httpx.Response, have_token: bool) -> str:
    if response.status_code == 200:
        if have_token:
            raise CheckFailed("a wrong token is accepted, so the right one protects nothing")
        raise Warned("tokens are off: whoever reaches this address is answered")
    said = f"HTTP {response.status_code}, {error_text(response)}"
    require(400 <= response.status_code < 500, f"expected 4xx, got {said}")
    return said
