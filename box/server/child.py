"""TorchServe's own process, as a child whose words are passed on and whose last ones are remembered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# From SIGTERM to SIGKILL, for Java and its workers to end.
END_SECONDS = 15.0
REMEMBERED = 400


class Child:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Raises OSError when the program cannot be started. Its own session: a signal for us is not one for it."""
        self._words: deque[str] = deque(maxlen=REMEMBERED)
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._pass_on, daemon=True)
        self._reader.start()

    def _pass_on(self) -> None:
        assert self._process.stdout
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self._words.append(line)
            with suppress(OSError):
                print(line, file=sys.stderr, flush=True)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def words(self) -> list[str]:
        """The last lines it said. After its end, all of them: a cause is often the very last."""
        if not self.alive:
            self._reader.join(timeout=2)
        return list(self._words)

    def end(self) -> None:
        """End Java, and whatever of its workers outlives it."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=2)
