"""buildah with a storage of the tests' own, and an image's root file system run as an engine runs it: read-only, in
namespaces of its own, by nobody in particular.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.boxes import machine
from tests.boxes.commands import run
from tests.boxes.namespaces import in_network

BASE = "localhost/debian-with-python"
PROGRAM = "/opt/vision-serve/box.pyz"
USER = "65532"
PACKAGES = {"buildah": "buildah", "bwrap": "bubblewrap", "debootstrap": "debootstrap", "ip": "iproute2"}


@dataclass(frozen=True)
class Storage:
    """`settings`: what CONTAINERS_STORAGE_CONF is to name."""

    settings: Path

    @classmethod
    def make(cls, folder: Path) -> Storage:
        """With the boxes' root as an image to build on."""
        folder.mkdir()
        rows = {"driver": "overlay", "runroot": str(folder / "run"), "graphroot": str(folder / "graph")}
        made = cls(folder / "storage.conf")
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in rows.items()]
        made.settings.write_text("[storage]\n" + "".join(lines), encoding="utf-8")
        base = made.buildah("from", "scratch")
        made.buildah("copy", "--quiet", base, str(machine.base_root()), "/")
        made.buildah("commit", "--quiet", "--timestamp", "0", base, BASE)
        made.buildah("rm", base)
        return made

    def buildah(self, *words: str) -> str:
        return run("env", f"CONTAINERS_STORAGE_CONF={self.settings}", "buildah", *words).strip()

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """The image's root file system, where others than root may go, too."""
        container = self.buildah("from", "--pull-never", tag)
        place = self.settings.parent.with_name("root")
        place.mkdir()
        run("mount", "--bind", self.buildah("mount", container), str(place))
        try:
            yield place
        finally:
            run("umount", str(place))
            self.buildah("umount", container)
            self.buildah("rm", container)


class Container:
    """Its first process is the image's, and process 1 in there. Its network has nothing but a loopback, or is a
    namespace that has a name; `mounts`: more of bwrap's words."""

    def __init__(self, root: Path, state: Path, *words: str, network: str = "", mounts: Sequence[str] = ()) -> None:
        self.log = state.with_suffix(".log")
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        shutil.chown(state, int(USER), int(USER))
        enter = ["nsenter", f"--net=/run/netns/{network}"] if network else []
        shared = ["--share-net"] if network else []
        with self.log.open("wb") as log:
            self._outside = subprocess.Popen(
                [
                    *enter,
                    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
                    *(
                        "bwrap",
                        "--unshare-all",
                        *shared,
                        "--as-pid-1",
                        "--die-with-parent",
                        "--cap-drop",
                        "ALL",
                        "--clearenv",
                    ),
                    *("--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"),
                    *("--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108
                    *("--tmpfs", "/run", "--bind", str(state), "/var/lib/vision-serve"),
                    *mounts,
                    *words,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """Of its first process, as it is outside."""
        for _ in range(100):
            told = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children").read_text().split()
            if told:
                return int(told[0])
            time.sleep(0.05)
        raise AssertionError(f"it did not start: {self.said()}")

    @contextmanager
    def entered(self) -> Iterator[httpx.Client]:
        """A client inside its network."""
        with in_network(Path(f"/proc/{self.pid}/ns/net")), httpx.Client(trust_env=False, timeout=30) as client:
            yield client

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What an engine's `exec` does."""
        enter = ["nsenter", f"--target={self.pid}", "--all", f"--setuid={USER}", f"--setgid={USER}"]
        return subprocess.run([*enter, "--", *words], capture_output=True, text=True, timeout=60)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + 120
        with self.entered() as client:
            while time.monotonic() < until:
                try:
                    if client.get("http://127.0.0.1:8000/health").status_code == 200:
                        return
                except httpx.TransportError:
                    assert self._outside.poll() is None, self.said()
                time.sleep(0.2)
        raise AssertionError(self.said())

    def ended(self, timeout: float = 60) -> int:
        return self._outside.wait(timeout)

    def kill(self) -> None:
        self._outside.kill()
        self._outside.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]
