"""Carry out what the engine says: a thread for each box that is worked on, and the journal beside it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from kit.fleet.host.jobs import HostJobs
from kit.fleet.host.result import Kind
from kit.fleet.rollout.journal import Journal
from kit.fleet.rollout.wave_engine import Engine, Start
from kit.fleet.soak.comparison import Comparison
from kit.fleet.view.screen import PAUSE, SOAK, Screen

# How often a waiting roll-out looks whether it was stopped.
GLANCE = 0.2
SAME = "the boxes with the new release do as well as the others"
# Compares boxes with the new release to boxes on the old one: since when any of them may have changed, and from when on
# they are compared, s since 1970.
Judge = Callable[[Sequence[str], Sequence[str], float, float], Comparison]


class Rollout:
    """One run of the engine over real boxes."""

    def __init__(
        self,
        engine: Engine,
        hosts: Mapping[str, HostJobs],
        journal: Journal,
        stopping: threading.Event,
        screen: Screen,
        judge: Judge,
        began: float = 0.0,
    ) -> None:
        """`began`: when a roll-out that is resumed did, s since 1970."""
        self._engine, self._hosts, self._journal, self._stopping = engine, hosts, journal, stopping
        self._screen, self._judge, self._shown, self._changed = screen, judge, -1, began
        self._ended: queue.SimpleQueue[tuple[Start, Kind]] = queue.SimpleQueue()

    def run(self, parallel: int) -> None:
        """To the engine's end."""
        with ThreadPoolExecutor(parallel, thread_name_prefix="box") as pool:
            while not self._engine.finished:
                starts = self._engine.next()
                self._show_wave()
                for start in starts:
                    pool.submit(self._work, start)
                if self._engine.soak:
                    self._soak(self._engine.soak)
                elif self._engine.pause:
                    self._wait(PAUSE, self._engine.pause)
                    self._engine.resume()
                elif not self._engine.finished:
                    self._take()
                if self._stopping.is_set():
                    self._engine.stop()

    def _show_wave(self) -> None:
        if self._engine.wave > self._shown:
            self._shown = self._engine.wave
            self._changed = self._changed or time.time()
            self._screen.wave(self._engine.waves[self._shown])

    def _work(self, start: Start) -> None:
        self._ended.put((start, self._hosts[start.box].do(start.job)))

    def _take(self) -> None:
        """One box's end."""
        try:
            start, kind = self._ended.get(timeout=GLANCE)
        except queue.Empty:
            return
        host_result = self._hosts[start.box].result
        self._journal.write("box", ended=start.job.value, **host_result.document())
        self._engine.tell(start.box, kind, host_result.touched)
        self._screen.told(host_result, start.job)

    def _soak(self, seconds: float) -> None:
        since = time.time()
        self._wait(SOAK, seconds)
        if self._stopping.is_set():
            return
        new, old = self._engine.compared()
        found = self._judge(new, old, self._changed, since)
        self._journal.write("soak", new=new, old=old, since=since, **vars(found))
        self._screen.soaked("; ".join(found.differences) or found.unproven or SAME)
        self._engine.soaked(found.differences, found.unproven)

    def _wait(self, what: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            self._screen.waiting(what, left)
            self._stopping.wait(min(left, 1.0))
        self._screen.waiting(what, 0.0)
