from __future__ import annotations

import socket

from tests.ports import FIRST, LAST, after, free_port, is_free


def test_no_port_is_given_out_twice_though_nothing_listens_on_it() -> None:
    given = [free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    assert all(FIRST <= port <= LAST for port in given)


def test_a_port_that_something_listens_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_free(taken.getsockname()[1])


def test_after_the_last_comes_the_first() -> None:
    assert after(LAST) == FIRST
    assert after(FIRST) == FIRST + 1
