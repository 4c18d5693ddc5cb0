"""Golden pictures, in every form a client may send them."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import httpx

from common.server.torchserve import error_text
from kit.golden import Golden
from kit.smoke.outcome import require
from kit.smoke.session import Session

CONCURRENT = 16
# A full queue answers 503 at once; an edge box with room for eight gets through sixteen well within this.
RETRY_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def check_answer(golden: Golden, response: httpx.Response) -> None:
    require(
        response.status_code == 200,
        f"{golden.picture.name}: HTTP {response.status_code}, {error_text(response.content)}",
    )
    wrong = golden.mismatch(response.json())
    require(not wrong, wrong)


def send_raw(session: Session, golden: Golden) -> httpx.Response:
    """As `curl -T` sends it."""
    return session.inference.put(session.predictions, content=golden.picture.read_bytes())


def check_still_answers(session: Session) -> None:
    check_answer(session.golden, send_raw(session, session.golden))


def raw(session: Session) -> str:
    for golden in session.target.golden:
        check_answer(golden, send_raw(session, golden))
    return f"{len(session.target.golden)} golden pictures, first {session.golden.best}"


def multipart(session: Session) -> str:
    """As `curl -F data=@picture.jpg` and a browser's form send it."""
    golden = session.golden
    files = {"data": (golden.picture.name, golden.picture.read_bytes(), "image/jpeg")}
    check_answer(golden, session.inference.post(session.predictions, files=files))
    return golden.best


def base64_json(session: Session) -> str:
    golden = session.golden
    document = {"data": base64.b64encode(golden.picture.read_bytes()).decode("ascii")}
    check_answer(golden, session.inference.post(session.predictions, json=document))
    return golden.best


def concurrent(session: Session) -> str:
    """Many at once, so that answers which got mixed up between requests show."""
    with ThreadPoolExecutor(CONCURRENT) as pool:
        pictures = islice(cycle(session.target.golden), CONCURRENT)
        refused = sum(pool.map(lambda golden: _answered_after(session, golden), pictures))
    return f"{CONCURRENT} at once" + (f", {refused} tries met a full queue (503)" if refused else "")


def _answered_after(session: Session, golden: Golden) -> int:
    """How often the queue was full before the right answer came."""
    deadline = time.monotonic() + RETRY_SECONDS
    pause = FIRST_PAUSE_SECONDS
    refused = 0
    while True:
        response = send_raw(session, golden)
        if response.status_code != 503 or time.monotonic() + pause > deadline:
            check_answer(golden, response)
            return refused
        refused += 1
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
