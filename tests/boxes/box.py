"""One box: systemd as its first process, sshd, a disk, 1 GB of memory and a cable of its own.

Faults are done to it as they happen to a box on a shelf: the cable is pulled, the power is cut.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.boxes import cgroups, machine, session
from tests.boxes.commands import attempt, run
from tests.boxes.disk import Disk, mounts_below, unmount_below
from tests.boxes.namespaces import without_mounts
from tests.boxes.network import address
from tests.boxes.session import Session

MEMORY_MB = 1024
BOOT_SECONDS = 60
FLAGS = "remount,nosuid,nodev,noexec"


class Box:
    """`number` gives the box its name (box-1) and its address; `layers` lie below its disk, the uppermost first."""

    def __init__(self, owner: Session, number: int, disk_mb: int, layers: tuple[Path, ...] = ()) -> None:
        self.session = owner
        self.name = f"box-{number}"
        self.address = address(number)
        self.disk = Disk(owner.folder / self.name)
        self.group = f"{session.NAME}/{self.name}"
        self._layers = [*layers, owner.base]
        self._process: subprocess.Popen[bytes] | None = None
        self.disk.format(disk_mb)
        cgroups.create(self.group, MEMORY_MB)
        self.disk.mount(self._layers)
        self._hang_up()

    def _hang_up(self) -> None:
        """What differs from box to box: its name, its address, and who may log in."""
        root = self.disk.root
        (root / "etc/hostname").write_text(f"{self.name}\n", encoding="ascii")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n", encoding="ascii")
        # Before Debian's own 80-container-host0.network.
        (root / "etc/systemd/network/10-cable.network").write_text(
            f"[Match]\nName=host0\n[Network]\nAddress={self.address}/24\nLinkLocalAddressing=no\n", encoding="ascii"
        )
        # Else each login starts a service manager for its user, and each logout ends it.
        (root / "var/lib/systemd/linger").mkdir(exist_ok=True)
        (root / "var/lib/systemd/linger" / machine.USER).touch()
        keys = root / "home" / machine.USER / ".ssh"
        keys.mkdir(mode=0o700)
        public = self.session.ssh_key.with_suffix(".pub").read_text(encoding="ascii")
        (keys / "authorized_keys").write_text(public, encoding="ascii")
        owner = keys.parent.stat()
        for path in (keys, keys / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)

    def boot(self) -> None:
        """Switch it on; returns when it can be reached by ssh. Raises RuntimeError with its console if it never can."""
        self._start()
        self.wait_reachable()
        # A tenth of the memory, as a real image has it: the container cannot say so itself.
        for pid in self._first_process():
            run("nsenter", f"--target={pid}", "--mount", "mount", "-o", f"{FLAGS},size={MEMORY_MB // 10}m", "/run")

    def _start(self) -> None:
        command = self.session.network.within(
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
            # The box may then limit its own units' memory: its systemd owns the control groups below it.
            "--private-users=identity",
            f"--directory={self.disk.root}",
            f"--machine={self.name}",
            "--network-bridge=shop",
            f"--bind={self.session.lxcfs}:/var/lib/lxcfs",
        )
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=self._isolate(),
            )

    def _isolate(self) -> Callable[[], None]:
        """For the box's process: it belongs to the box's control groups, and holds no other box's disk."""
        mounted = mounts_below(self.session.folder)
        others = [
            point for point in mounted if not point.is_relative_to(self.disk.folder) and point != self.session.lxcfs
        ]
        enter, leave = cgroups.entering(self.group), without_mounts(others)

        def isolate() -> None:
            enter()
            leave()

        return isolate

    @property
    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def console(self) -> Path:
        return self.disk.folder / "console.log"

    def wait_reachable(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while self.ssh("true").returncode:
            if time.monotonic() > deadline:
                said = self.console.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"{self.name} cannot be reached after {BOOT_SECONDS} s:\n{said}")
            time.sleep(0.2)

    def power_cut(self) -> None:
        """The power goes: what was not synced is lost, every process ends without a word."""
        self.disk.lose_power()
        if self._process:
            for pid in self._first_process():
                os.kill(pid, signal.SIGKILL)
            self._process.wait(timeout=20)
        session.end_processes(self.group)
        self._process = None

    def power_back(self, read_only: bool = False) -> None:
        """The same disk again, after its file system found out what was lost; or one that takes no change any more."""
        unmount_below(self.disk.folder)
        self.disk.mount(self._layers, read_only)
        self.boot()

    def power_cycle(self, read_only: bool = False) -> None:
        """A power cut with all that was written on the disk, and the boot after it."""
        self.disk.sync()
        self.power_cut()
        self.power_back(read_only)

    def check_disk(self) -> None:
        """What the boot after a file system's failure does first. Of a box that is off."""
        unmount_below(self.disk.folder)
        self.disk.check()

    def reboot(self) -> None:
        """`sudo reboot`, typed in the box."""
        assert self._process
        self.ssh("sudo systemctl reboot")
        self._process.wait(timeout=60)  # a container's end is its reboot; the harness is its power button
        self.boot()

    def destroy(self) -> None:
        if self._process:
            self.power_cut()
        unmount_below(self.disk.folder)
        cgroups.remove(self.group)
        self.disk.file.unlink()

    def cut(self) -> None:
        self.session.network.cut(self.name)

    def plug(self) -> None:
        self.session.network.plug(self.name)

    def ssh(self, command: str, stdin: str | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command in the box, as its operator would from the workstation."""
        options = ("-F", str(self.session.ssh_config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=2")
        ssh = self.session.network.within("ssh", *options, self.name, command)
        return attempt(*ssh, stdin=stdin, timeout=timeout)

    def sudo(self, command: str, stdin: str | None = None) -> str:
        """What a command printed that ran as root in the box. Raises RuntimeError when it fails."""
        done = self.ssh(f"sudo -n {command}", stdin=stdin)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def inside(self, *command: str) -> None:
        """Run a command as root in the box without a connection to it. Whether it fails is not looked at."""
        for pid in self._first_process():
            attempt("nsenter", f"--target={pid}", "--all", "--", *command)

    def _first_process(self) -> list[int]:
        """The box's own PID 1 as the machine numbers it: killing systemd-nspawn would leave the box running."""
        assert self._process
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
