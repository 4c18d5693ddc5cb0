"""An hour of attacks on a real server with its gateway: make attack [DURATION=seconds] [SEED=]

Half of DURATION goes to made-up requests, half to a soak: a mixed load under which memory must not grow. What is found
is kept in build/attack; docs/gateway.md has what came of the last one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from kit.build import PROJECT
from tests.attack import floods
from tests.attack.fuzz import fuzz
from tests.attack.messages import honest
from tests.attack.server import Attacked, Memory, attacked
from tests.conftest import script_environment
from tests.integration.places import free_addresses

KEPT = PROJECT / "build" / "attack"
CLIENTS = 4
MEASURED_EVERY = 10.0


def run_script(name: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scripts.{name}", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=300)


def soak(server: Attacked, seconds: float) -> list[tuple[float, Memory]]:
    """Honest and bad requests of every kind, by a few clients; memory as it goes."""
    end = time.monotonic() + seconds
    kinds = honest(server.model)
    picture = server.golden.picture.read_bytes()

    def client(number: int) -> None:
        with httpx.Client(base_url=server.address, headers=server.headers, timeout=60, trust_env=False) as asking:
            count = number
            while time.monotonic() < end:
                count += 1
                method, target, headers, body = kinds[count % len(kinds)]
                asking.request(method, target, headers=headers, content=body)
                asking.post(f"/predictions/{server.model}", content=picture)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    begun, measured = time.monotonic(), []
    while time.monotonic() < end:
        time.sleep(min(MEASURED_EVERY, max(0.1, end - time.monotonic())))
        measured.append((time.monotonic() - begun, server.memory()))
    for thread in threads:
        thread.join()
    return measured


def slope(measured: list[tuple[float, Memory]], part: str) -> float:
    """MB an hour, by least squares over the second half: the first is still warming up."""
    late = measured[len(measured) // 2 :]
    return float(np.polyfit([at for at, _ in late], [getattr(memory, part) for _, memory in late], 1)[0]) * 3600


def main() -> int:
    seconds = float(os.environ.get("DURATION") or 3600)
    seed = int(os.environ.get("SEED") or time.time())
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "build"
        environment = script_environment(root, PROFILE="onprem", **free_addresses())
        for name in ("export", "archive"):
            made = run_script(name, env=environment)
            assert made.returncode == 0, made.stderr
        with attacked(root, environment, run_script) as server:
            print(f"seed {seed}; at first {server.memory()}", flush=True)
            done = fuzz(server, seconds / 2, seed, KEPT)
            print(f"{done.sent:,} made-up messages; statuses {dict(sorted(done.statuses.items()))}", flush=True)
            print("\n".join(done.findings) or "no findings", flush=True)
            for words in (
                floods.silent_connections(server, 10_000),
                floods.slow_headers(server, 500, 30),
                floods.slow_bodies(server, 500, 30),
                floods.many_headers(server, 200),
                floods.wrong_keys(server, 5000),
                floods.bombs(server),
            ):
                print(f"survived: {words}; {server.memory()}", flush=True)
            measured = soak(server, seconds / 2)
            server.check()
            for part in ("java", "nginx", "workers"):
                last = getattr(measured[-1][1], part)
                print(f"soak: {part} {last:.0f} MB at the end, {slope(measured, part):+.1f} MB an hour")
    return 1 if done.findings else 0


if __name__ == "__main__":
    sys.exit(main())
