"""How many requests are under way at once: as many as the server takes."""

from __future__ import annotations

import threading


class Window:
    """One more for every round of answers, half as many when the server is busy: what TCP does with a full link.

    (Chiu and Jain, «Analysis of the Increase and Decrease Algorithms for Congestion Avoidance», 1989.)
    """

    def __init__(self, begin: int, most: int) -> None:
        self._size, self._most = float(min(begin, most)), most
        self._under_way = 0
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        return int(self._size)

    def enter(self) -> None:
        """Wait until there is room for one more."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.size)
            self._under_way += 1

    def leave(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def answered(self) -> None:
        with self._changed:
            self._size = min(self._most, self._size + 1 / self._size)
            self._changed.notify_all()

    def busy(self) -> None:
        with self._changed:
            self._size = max(1.0, self._size / 2)
