"""Carry out what the engine says: a thread for each box that is worked on, and the journal beside it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from kit.fleet.host.jobs import HostJobs
from kit.fleet.host.result import Kind
from kit.fleet.rollout.journal import Journal
from kit.fleet.rollout.wave_engine import Engine, Start
from kit.fleet.view.screen import Screen

# How often a waiting roll-out looks whether it was stopped.
GLANCE = 0.2


class Rollout:
    """One run of the engine over real boxes."""

    def __init__(
        self,
        engine: Engine,
        hosts: Mapping[str, HostJobs],
        journal: Journal,
        stopping: threading.Event,
        screen: Screen,
    ) -> None:
        self._engine, self._hosts, self._journal, self._stopping = engine, hosts, journal, stopping
        self._screen, self._shown = screen, -1
        self._ended: queue.SimpleQueue[tuple[Start, Kind]] = queue.SimpleQueue()

    def run(self, parallel: int) -> None:
        """To the engine's end."""
        with ThreadPoolExecutor(parallel, thread_name_prefix="box") as pool:
            while not self._engine.finished:
                starts = self._engine.next()
                self._show_wave()
                for start in starts:
                    pool.submit(self._work, start)
                if self._engine.pause:
                    self._wait(self._engine.pause)
                elif not self._engine.finished:
                    self._take()
                if self._stopping.is_set():
                    self._engine.stop()

    def _show_wave(self) -> None:
        if self._engine.wave > self._shown:
            self._shown = self._engine.wave
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

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            self._screen.paused(left)
            self._stopping.wait(min(left, 1.0))
        self._screen.paused(0.0)
        self._engine.resume()
