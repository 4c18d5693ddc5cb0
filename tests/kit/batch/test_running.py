"""Many pictures at once, against a small server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from common.errors import KitError
from common.server.torchserve import Inference
from kit.batch.results import Row, key
from kit.batch.running import ask_all
from kit.model.pictures.choosing import Picture
from tests.kit.small_server import RIGHT, Serve, SmallServer


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    made = []
    for number in range(30):
        file = tmp_path / f"{number:02}.jpg"
        file.write_bytes(b"%d" % number)
        made.append(Picture(file, "Banana"))
    return made


def run(server: SmallServer, pictures: list[Picture], known: dict[str, dict[str, float]], told: list[Row]) -> list[Row]:
    return ask_all(Inference(server.target.url, {}), "fruit", pictures, known, 4, 4, told.append)


def test_every_picture_has_its_row_in_its_place(serve: Serve, pictures: list[Picture]) -> None:
    server = serve(lambda number: (415, b'{"message": "no"}') if number == 7 else (200, RIGHT))
    told: list[Row] = []
    rows = run(server, pictures, {}, told)
    assert [row.file for row in rows] == [picture.file for picture in pictures]
    assert sum(row.label == "Banana" for row in rows) == 29
    assert [row.error for row in rows if not row.answer] == ["HTTP 415: no"]
    assert sorted(row.file for row in told) == [picture.file for picture in pictures]


def test_what_is_known_is_not_asked(serve: Serve, pictures: list[Picture]) -> None:
    server = serve(lambda number: (200, RIGHT))
    known = {key(picture.file): {"Lime": 1.0} for picture in pictures[:20]}
    told: list[Row] = []
    rows = run(server, pictures, known, told)
    assert [row.label for row in rows] == ["Lime"] * 20 + ["Banana"] * 10
    assert (server.asked, len(told)) == (10, 10)


def test_no_more_at_once_than_allowed(serve: Serve, pictures: list[Picture]) -> None:
    lock, now, most = threading.Lock(), 0, 0
    pause = threading.Event()

    def answer(number: int) -> tuple[int, bytes]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        pause.wait(0.01)
        with lock:
            now -= 1
        return 200, RIGHT

    run(serve(answer), pictures, {}, [])
    assert 2 <= most <= 4


def test_a_refusal_ends_it_before_all_are_asked(serve: Serve, pictures: list[Picture]) -> None:
    server = serve(lambda number: (200, RIGHT) if number < 5 else (401, b'{"message": "no key"}'))
    told: list[Row] = []
    with pytest.raises(KitError, match="no key"):
        run(server, pictures, {}, told)
    assert server.asked < 20
    assert all(row.answer or row.error for row in told)
