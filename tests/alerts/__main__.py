"""make alert-drill: every alert of config/monitoring is caused for real, on a server of this machine (root).

With DURATION=3600 in place of that a quiet time of so many seconds: ordinary traffic, the rules as they are shipped,
and nothing may fire. docs/watching.md has what came of both.

In the drill the rules' durations are a tenth of what they are. What a board's own sensors say is not to be had on any
machine: their files are laid over /sys in a mount namespace of this process.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import psutil

from kit.processes import family
from tests.alerts.servers import PICTURES, Monitored, Server, monitored, short_certificate
from tests.boxes.namespaces import make_mounts_private
from tests.boxes.test_watching import darkened
from tests.meanwhile import meanwhile
from worker.process import WORKER

SPEED = 10
BOX, TWIN, OTHER = "box-1", "box-2", "box-3"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
THERMAL, PLATFORM = Path("/sys/class/thermal"), Path("/sys/devices/platform")
DISK_MB = 1500
GROUP = Path("/sys/fs/cgroup/memory/vision-alerts")
GROUP_MB, LEFT = 2048, 0.05
OF_THE_MACHINE = ("VisionDiskLow", "VisionHot", "VisionThrottled", "VisionUndervolted")
LASTING = {  # all the while, of the third box alone
    f"{OTHER}: VisionWrongRelease": "another release than most",
    f"{OTHER}: VisionCertificateEnds": "a certificate that ends in 10 days",
}
Doing = Callable[[], AbstractContextManager[object]]
Load = tuple[list[bytes], int, float]  # pictures, clients, seconds between one's
STOPS = "VisionSlowFast VisionSlowSlow VisionErrorsFast VisionErrorsSlow VisionNotAnswering VisionQueue"


class Drill:
    def __init__(self, folder: Path, server: Server, seen: Monitored, ordinary: Load) -> None:
        self.folder, self.server, self.seen, self.ordinary = folder, server, seen, ordinary

    def cause(
        self, alerts: str, what: str, doing: Doing = nullcontext, load: Load | None = None, may: str = ""
    ) -> None:
        """While `doing` and under `load` each of `alerts` has to fire, and none but those that `may`; then, in ordinary
        traffic, all end."""
        wanted = {f"{box}: {name}" for name in alerts.split() for box in (BOX, TWIN)}
        shared = {f"{OTHER}: {name}" for name in alerts.split() if name in OF_THE_MACHINE}
        allowed = wanted | shared | {*LASTING} | {f"{box}: {name}" for name in may.split() for box in (BOX, TWIN)}
        asked = load or self.ordinary
        with doing(), self.server.asked(*asked):
            fired = self.seen.wait(lambda found: wanted <= found, 600, what)
            found = self.seen.firing()
            assert found <= allowed, f"{what}: {sorted(found - allowed)} fire, too"
        with self.server.asked(*self.ordinary):
            ended = self.seen.wait(lambda found: found <= {*LASTING}, 900, f"the end of {what}")
        for name in alerts.split():
            print(f"| `{name}` | {what} | {fired:.0f} s | {ended:.0f} s |", flush=True)

    def processes(self, name: str) -> list[psutil.Process]:
        return [one for one in family(self.server.java.pid) if one.name() == name]

    @contextmanager
    def java_stopped(self) -> Iterator[None]:
        java = self.server.java
        java.suspend()
        try:
            yield
        finally:
            java.resume()

    @contextmanager
    def held_up(self, run: float) -> Iterator[None]:
        """The workers run for so many seconds of every two; those that TorchServe starts in place of one that is late,
        too."""

        def signal_all(number: signal.Signals) -> None:
            for worker in self.processes(WORKER):
                with suppress(psutil.NoSuchProcess):
                    worker.send_signal(number)

        def hold(ending: threading.Event) -> None:
            while not ending.is_set():
                signal_all(signal.SIGSTOP)
                ending.wait(2 - run)
                if run:
                    signal_all(signal.SIGCONT)
                ending.wait(run)

        try:
            with meanwhile(hold):
                yield
        finally:
            signal_all(signal.SIGCONT)

    def dying_workers(self) -> AbstractContextManager[None]:
        """As soon as all are there again, all die."""

        def kill(ending: threading.Event) -> None:
            while not ending.wait(1):
                workers = self.processes(WORKER)
                if len(workers) == self.server.state.workers:
                    for worker in workers:
                        worker.kill()

        return meanwhile(kill)

    @contextmanager
    def restarts(self) -> Iterator[None]:
        for _ in range(4):
            self.server.again()
            time.sleep(7)  # each is scraped
        yield

    @contextmanager
    def gone(self) -> Iterator[None]:
        self.server.place.server("stop")
        try:
            yield
        finally:
            self.server.again()

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        free = os.statvfs(self.folder)
        filler = self.folder / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, int((free.f_bavail - 0.05 * free.f_blocks) * free.f_frsize))
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def full_memory(self) -> Iterator[None]:
        """Something else has most of the memory of the server's control group."""
        GROUP.mkdir()
        (GROUP / "memory.limit_in_bytes").write_text(str(GROUP_MB << 20))
        size = int((GROUP_MB << 20) * (1 - LEFT))
        with subprocess.Popen([sys.executable, "-c", f"x = bytearray({size}); import time; time.sleep(3600)"]) as other:
            for pid in (other.pid, *(one.pid for one in (*family(self.server.java.pid), *self.watchers()))):
                (GROUP / "cgroup.procs").write_text(str(pid))
            try:
                yield
            finally:
                other.kill()
                for left in (GROUP / "cgroup.procs").read_text().split():
                    (GROUP.parent / "cgroup.procs").write_text(left)
        GROUP.rmdir()

    def watchers(self) -> list[psutil.Process]:
        settings = str(self.server.place.run.watch_settings)
        return [one for one in psutil.process_iter() if settings in _words(one)]

    @contextmanager
    def clock_off(self) -> Iterator[None]:
        """The one that watches the server lives two minutes ahead."""
        self._watch_again(LD_PRELOAD=FAKETIME, FAKETIME="+2m", FAKETIME_DONT_FAKE_MONOTONIC="1")
        try:
            yield
        finally:
            self._watch_again()

    def _watch_again(self, **environment: str) -> None:
        for one in self.watchers():
            one.terminate()
            one.wait(20)
        settings = self.server.place.run.watch_settings
        command = [sys.executable, "-m", "common.watch", str(settings), str(self.server.java.pid)]
        subprocess.Popen(command, env=os.environ | environment, start_new_session=True)

    @staticmethod
    @contextmanager
    def board(celsius: int, throttled: str) -> Iterator[None]:
        """What its sensors say."""
        (THERMAL / "thermal_zone0/temp").write_text(f"{celsius}000\n")
        (PLATFORM / "soc/soc:firmware/get_throttled").write_text(f"{throttled}\n")
        try:
            yield
        finally:
            (THERMAL / "thermal_zone0/temp").write_text("45000\n")
            (PLATFORM / "soc/soc:firmware/get_throttled").write_text("0x0\n")


def drill(folder: Path) -> None:
    for place in (THERMAL, PLATFORM):
        subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], check=True)
    (THERMAL / "thermal_zone0").mkdir()
    (PLATFORM / "soc/soc:firmware").mkdir(parents=True)
    pictures = [path.read_bytes() for path in PICTURES]
    random.Random(14).shuffle(pictures)  # noqa: S311 - as customers come, and not by label
    dark = [darkened(picture) for picture in pictures]
    with ExitStack() as stack:
        stack.enter_context(Drill.board(45, "0x0"))
        server, other = started(stack, folder / "one", "1.0"), started(stack, folder / "two", "2.0")
        other.again(**short_certificate(folder, 10))
        targets = [server.target(BOX), server.target(TWIN), other.target(OTHER)]
        seen, began = stack.enter_context(monitored(folder / "monitor", targets, SPEED)), time.monotonic()
        made = Drill(folder, server, seen, (pictures, 1, 0.05))
        made.cause("VisionDrift", "a quarter of the light", load=(dark, 1, 0.05))
        made.cause("VisionWorkersDie", "workers are killed", made.dying_workers, may=STOPS)
        made.cause("VisionMemoryLow", "another process has the memory", made.full_memory)
        made.cause("VisionDiskLow", "a disk with 5 % left", made.full_disk)
        made.cause("VisionHot", "its sensor says 85 °C", lambda: made.board(85, "0x0"))
        made.cause("VisionThrottled VisionUndervolted", "get_throttled is 0x5", lambda: made.board(60, "0x5"))
        made.cause("VisionClockOff", "a clock two minutes ahead", made.clock_off)
        made.cause("VisionNotAnswering", "Java is stopped", made.java_stopped, may=STOPS)
        slow, errors = "VisionSlowFast VisionSlowSlow VisionQueue", "VisionErrorsFast VisionErrorsSlow"
        held = "workers get a tenth of a second in every two"
        made.cause(slow, held, lambda: made.held_up(0.1), (pictures, 8, 0.0), STOPS)
        held = "workers are held up, and a hundred clients ask"
        made.cause(errors, held, lambda: made.held_up(0.0), (pictures, 100, 1.0), STOPS)
        made.cause("VisionSilent", "the server is stopped", made.gone, may=STOPS)
        made.cause("VisionRestarts", "four restarts", made.restarts, may=STOPS)
        seen.wait(lambda found: found == {*LASTING}, 900, "what is wrong with the third box")
        for row in LASTING:
            print(f"| `{row.split()[1]}` | {OTHER} has {LASTING[row]} | within {time.monotonic() - began:.0f} s | |")


def quiet(folder: Path, seconds: float) -> int:
    """Ordinary traffic: a picture every now and then, one of fifty none."""
    pictures = [path.read_bytes() for path in PICTURES]
    with ExitStack() as stack:
        server = started(stack, folder / "one", "1.0")
        seen = stack.enter_context(monitored(folder / "monitor", [server.target(BOX)], 1))
        stack.enter_context(server.asked([*pictures, b"no picture"], pause=0.9))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(5)
            if found := seen.firing():
                print(f"{sorted(found)} fire after {seconds - (end - time.monotonic()):.0f} s of ordinary traffic")
                return 1
    print(f"nothing fired in {seconds:.0f} s of ordinary traffic")
    return 0


def started(stack: ExitStack, root: Path, version: str) -> Server:
    made = Server(root, version)
    stack.callback(made.place.server, "stop")
    return made


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CONFIG_HOME"] = str(Path(temporary) / "settings")
        folder = Path(temporary) / "disk"
        folder.mkdir()
        if seconds := float(os.environ.get("DURATION") or 0):
            return quiet(folder, seconds)
        make_mounts_private()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)], check=True)
        try:
            drill(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
