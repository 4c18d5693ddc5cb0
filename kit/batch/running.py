"""The pictures asked, several at once, with a row for each in their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing

from common.server.torchserve import Inference
from kit.batch.client import Client
from kit.batch.results import Row, key
from kit.batch.window import Window
from kit.model.pictures.choosing import Picture


def ask_all(
    server: Inference,
    model: str,
    pictures: Sequence[Picture],
    known: Mapping[str, Mapping[str, float]],
    first: int,
    most: int,
    answered: Callable[[Row], None],
) -> list[Row]:
    """`known` answers are taken as they are; `answered` is told each other one, by this thread. `first`
    requests at once to begin with, `most` if the server takes them.

    Raises KitError for what no picture would fare better with, after those under way have ended; so with Ctrl-C.
    """
    rows: dict[int, Row] = {}
    to_ask: list[tuple[int, Picture]] = []
    for number, picture in enumerate(pictures):
        if answer := known.get(key(picture.file)):
            rows[number] = Row(picture.file, picture.label, answer, "")
        else:
            to_ask.append((number, picture))
    window = Window(first, most)
    stop = threading.Event()
    own = threading.local()
    waiting = iter(to_ask)

    def ask(number: int, picture: Picture) -> tuple[int, Row]:
        if not hasattr(own, "client"):
            own.client = after.enter_context(closing(Client(server, model, window, stop.is_set)))
        return number, Row(picture.file, picture.label, *own.client.answer(picture.file))

    with ExitStack() as after, ThreadPoolExecutor(most) as threads:
        under_way: set[Future[tuple[int, Row]]] = set()
        try:
            while True:
                while len(under_way) < 2 * most and (following := next(waiting, None)):
                    under_way.add(threads.submit(ask, *following))
                if not under_way:
                    return [rows[number] for number in sorted(rows)]
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    number, row = future.result()
                    rows[number] = row
                    answered(row)
        except BaseException:
            stop.set()
            for future in under_way:
                future.cancel()
            raise
