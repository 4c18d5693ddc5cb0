"""What a machine needs before it can boot a box, and the root file system that all boxes share.

The root is what Debian's smallest installation has, and beside it only what every box out there has: systemd, sshd,
sudo, rsync, python3. No pip, no python3-venv, no Java: what a box does not have, the bundle must bring.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.boxes.commands import attempt, run

SUITE = "bookworm"
PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ssh": "openssh-client",
    "rsync": "rsync",
    "ip": "iproute2",
    "lxcfs": "lxcfs",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
}
IN_THE_BOX = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "iproute2", "python3"),
    *("openssh-server", "openssh-client", "sudo", "rsync"),
    # For the faults: a firewall that limits connections, other login shells.
    *("iptables", "tcsh", "fish"),
)
USER = "pi"  # who operates a box, as on Raspberry Pi OS: no root login, but sudo without a password
# free(1) in a container shows the whole machine's memory; lxcfs knows the container's own. And a real image mounts /run
# so (its size is box.py's to set), a hardened one /tmp and /var/tmp too; a container does not.
IMAGE_UNIT = """[Unit]
Description=Make this box what a real image is
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount --bind /var/lib/lxcfs/proc/meminfo /proc/meminfo
ExecStart=mount --bind /var/tmp /var/tmp
ExecStart=mount -o remount,bind,nosuid,nodev,noexec /run
ExecStart=mount -o remount,bind,nosuid,nodev,noexec /tmp
ExecStart=mount -o remount,bind,nosuid,nodev,noexec /var/tmp
[Install]
WantedBy=sysinit.target
"""


def cache() -> Path:
    """Where the root, the wheels and a session's disks lie: outside the tree, BOXES_CACHE overrides it."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("BOXES_CACHE") or home / "vision-serve-boxes")


def require() -> None:
    """Install what is missing. Raises RuntimeError on a machine where boxes cannot be booted."""
    if os.geteuid() != 0:
        raise RuntimeError("booting boxes needs root: namespaces, mounts and control groups")
    if not Path("/sys/fs/cgroup/memory").is_dir():
        raise RuntimeError("booting boxes needs the memory controller of control groups v1 in /sys/fs/cgroup/memory")
    install(PACKAGES)


def install(packages: Mapping[str, str]) -> None:
    """Those whose programs, by which they are known here, are missing."""
    missing = [package for program, package in packages.items() if not shutil.which(program)]
    if missing:
        quiet = ("-q", "-o", "DPkg::Lock::Timeout=300")
        run("apt-get", "update", *quiet)
        run(
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "-y",
            "--no-install-recommends",
            *quiet,
            *missing,
        )


def mirror() -> str:
    """Where this machine's own apt finds Debian."""
    listed = attempt("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Origin: Debian").stdout
    places = [line.split()[0] for line in listed.splitlines() if line.endswith(" main") and "security" not in line]
    if not places:
        raise RuntimeError("apt on this machine names no Debian mirror; run apt-get update")
    return places[0]


def base_root() -> Path:
    """The read-only root of all boxes, made once (about 100 s) and kept. Named by what is in it."""
    made_of = repr((SUITE, IN_THE_BOX, USER, IMAGE_UNIT, inspect.getsource(_furnish)))
    root = cache() / f"root-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "root.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests of images are built on it, too
        return _made(root)


def _made(root: Path) -> Path:
    if not root.is_dir():
        unfinished = root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        packages = f"--include={','.join(IN_THE_BOX)}"
        run("debootstrap", "--variant=minbase", packages, SUITE, str(unfinished), mirror(), timeout=1200)
        _furnish(unfinished)
        for outdated in cache().glob("root-????????????"):
            shutil.rmtree(outdated)
        unfinished.rename(root)
    return root


def _furnish(root: Path) -> None:
    """What the person who hung up the box did: a user, sudo, the network switched on, no needless timers."""
    run("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", USER)
    (root / "etc/sudoers.d/operator").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n", encoding="utf-8")
    (root / "etc/systemd/system/box-image.service").write_text(IMAGE_UNIT, encoding="utf-8")
    (root / "var/lib/lxcfs").mkdir()
    run("chroot", str(root), "systemctl", "enable", "systemd-networkd", "box-image", "ssh")
    timers = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "dpkg-db-backup.timer")
    run("chroot", str(root), "systemctl", "mask", *timers)
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    for left in (root / "var/lib/apt/lists").glob("*Packages"):
        left.unlink()
