"""`python -m common.watch SETTINGS JAVA`: watches the TorchServe of this machine whose Java has that process id, until
it has ended. On a box the supervisor does the same itself.

SETTINGS is a file: {"temp": …, "since": …, "gateway": …, "record": …, "socket": …, "samples": …, "about": {…}}, whose
`about` may change while the server runs. The socket lies beside it: a path from the root may be too long for one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from common import durable
from common.watch.watcher import Watched, watch


def main(settings: Path, java: int) -> None:
    told = json.loads(settings.read_text(encoding="utf-8"))
    os.chdir(settings.parent)
    temp, gateway, record, socket = (Path(told[name]) for name in ("temp", "gateway", "record", "socket"))
    samples, since = Path(told["samples"]), told["since"]
    about = partial(_about, Path(settings.name), told["about"])
    watched = Watched(temp, java, since, gateway, record, socket, about, samples)
    ended = os.pidfd_open(java)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watching = threading.Thread(target=watch, args=(watched, stop, _say))
    watching.start()
    while not stop.is_set() and not select.select([ended], [], [], 1.0)[0]:
        pass
    stop.set()
    watching.join()


def _about(settings: Path, first: Mapping[str, str]) -> Mapping[str, str]:
    """As the file says it now; as at the start once it is gone."""
    return durable.read_object(settings).get("about") or first


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with suppress(ProcessLookupError):  # it ended sooner than this has started
        main(Path(sys.argv[1]), int(sys.argv[2]))
