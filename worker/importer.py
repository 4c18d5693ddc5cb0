"""What handlers import, imported once for a server: the parents of its model versions are forked from this process.

    python -m worker.importer TEMP MODULES JAVA     started with the server

It imports while Java starts, and a second version of a model needs memory for its model and not for another torch. A
parent is started without it when it is not there.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from worker import parent, process
from worker.family import REQUEST_BYTES, importer_address


def serve(listener: socket.socket, ended: int) -> None:
    """Fork a parent for each that asks, until `ended`, the pidfd of the server's Java, says so."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ, "ended")
        while not any(key.data for key, _ in selector.select()):
            connection, _ = listener.accept()
            with connection:
                asked, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 3)
            if len(descriptors) == 3 and os.fork() == 0:
                listener.close()
                _become_parent(json.loads(asked), *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _become_parent(asked: dict[str, Any], listening: int, stdout: int, stderr: int) -> None:
    """As one that was started by itself: in the archive's folder, with the output and environment of the worker that
    asked."""
    try:
        for stream, own in ((stdout, 1), (stderr, 2)):
            os.dup2(stream, own)
            os.close(stream)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(asked["folder"])
        sys.path.insert(0, asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        parent.main(asked["temp"], asked["folder"], int(asked["java"]), listening)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def main(temp: str, modules: str, java: str) -> None:
    process.name(process.IMPORTER)
    try:
        ended = os.pidfd_open(int(java))
    except ProcessLookupError:  # it failed to start, and was quicker to say so than Python is to start
        return
    os.umask(0o077)  # as Java has it, and so the workers that it starts
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        Path(importer_address(temp)).unlink(missing_ok=True)
        listener.bind(importer_address(temp))
        listener.listen(8)
        for name in modules.split(","):
            with suppress(Exception):  # whoever needs it says why it cannot be had
                importlib.import_module(name)
        gc.collect()
        gc.freeze()
        process.forget_read_pages()
        serve(listener, ended)


if __name__ == "__main__":
    main(*sys.argv[1:])
