"""How many requests go at once."""

from __future__ import annotations

import threading

from kit.batch.window import Window


def test_it_grows_by_one_a_round_and_no_further_than_allowed() -> None:
    window = Window(4, 6)
    for _ in range(4):
        window.answered()
    assert window.size in (4, 5)
    for _ in range(100):
        window.answered()
    assert window.size == 6


def test_a_busy_server_gets_half_as_many_and_always_one() -> None:
    window = Window(32, 32)
    sizes = []
    for _ in range(7):
        window.busy()
        sizes.append(window.size)
    assert sizes == [16, 8, 4, 2, 1, 1, 1]


def test_one_too_many_waits_until_another_has_left() -> None:
    window = Window(1, 1)
    window.enter()
    second = threading.Thread(target=window.enter)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    window.leave()
    second.join(10)
    assert not second.is_alive()
