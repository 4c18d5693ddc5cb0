"""Findings: each looks at the facts and says what they mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.words import count
from kit.doctor.facts import Facts, ProfileFacts
from kit.gateway.certificates import RENEW_DAYS
from kit.gpus import VARIABLE
from kit.model.precision.hardware import BF16_FLAGS, INT8_FLAGS, first, why_slow
from kit.serving.preflight import Workers, memory_needed

SEVERITIES = ("ok", "note", "warning", "error")
EVERYWHERE = "machine"
# An export, an archive, and the copies of a running server; more for a tuning, which keeps one for each precision.
DISK_NEEDED = 1 << 30
# What the embedded ResNet18 weighs; a user's own model is measured when it is served.
MODEL_BYTES = 45 << 20
MUCH_STEAL = 0.05


@dataclass(frozen=True)
class Finding:
    """`place` is `machine` or a profile's name; `hint` is "" where there is nothing to do."""

    place: str
    about: str
    severity: str
    message: str
    hint: str = ""


def examine(facts: Facts) -> list[Finding]:
    """All findings: the machine's, then each profile's."""
    found = [
        *processor(facts),
        *arithmetic(facts),
        *memory(facts),
        *gpu(facts),
        *software(facts),
        *disk(facts),
        *certificate(facts),
    ]
    for profile in facts.profiles:
        found += list(fit(profile, facts))
    return found


def failed(findings: list[Finding], profile: str) -> bool:
    """Is anything in the way of this profile?"""
    return any(finding.severity == "error" and finding.place in (EVERYWHERE, profile) for finding in findings)


def processor(facts: Facts) -> Iterator[Finding]:
    machine = facts.machine
    about = "processor"
    if machine.processor not in ("x86_64", "aarch64"):
        yield Finding(
            EVERYWHERE, about, "error", f"{machine.processor}: torch has no wheels for it", "use another machine"
        )
    else:
        yield Finding(EVERYWHERE, about, "ok", f"{machine.processor}, {count(machine.cores, 'core')}")
    if facts.cpu_quota is not None and facts.cpu_quota < machine.cores:
        yield Finding(
            EVERYWHERE,
            "container",
            "warning",
            f"the container may use {facts.cpu_quota:g} cores, counted as {machine.cores}: busy workers are stopped "
            "for a part of the time, which shows in the p99 latency",
            f"give the container whole cores (--cpus={machine.cores}), or cores of its own (--cpuset-cpus)",
        )
    if facts.governor and facts.governor != "performance":
        yield Finding(
            EVERYWHERE,
            "governor",
            "note",
            f"the processor's clock is governed by {facts.governor}: it falls while idle, and the first requests "
            "after a pause wait for it to rise",
            "sudo cpupower frequency-set -g performance, where power does not matter",
        )
    if facts.steal > MUCH_STEAL:
        yield Finding(
            EVERYWHERE,
            "steal",
            "warning",
            f"the hypervisor gave {facts.steal:.0%} of this machine's processor time to others",
            "figures measured here vary; take a machine with cores of its own before comparing",
        )
    if facts.load > machine.cores / 2:
        yield Finding(
            EVERYWHERE,
            "load",
            "note",
            f"the machine is busy: load {facts.load:.1f} on {count(machine.cores, 'core')}",
            "wait until it is idle before you measure",
        )


def arithmetic(facts: Facts) -> Iterator[Finding]:
    about = "arithmetic"
    int8, bf16 = first(INT8_FLAGS, facts.flags), first(BF16_FLAGS, facts.flags)
    if int8:
        yield Finding(EVERYWHERE, about, "ok", f"int8 in hardware ({int8})")
    else:
        yield Finding(
            EVERYWHERE,
            about,
            "note",
            "no int8 instructions: int8 gains less here, through smaller memory",
            "make precisions",
        )
    if bf16:
        yield Finding(EVERYWHERE, about, "ok", f"bfloat16 in hardware ({bf16})")
    else:
        yield Finding(
            EVERYWHERE, about, "note", "no bfloat16 instructions: bf16 would be slow", "PRECISION=int8, or fp32"
        )
    if facts.machine.processor == "x86_64" and "avx2" not in facts.flags:
        yield Finding(
            EVERYWHERE, about, "warning", "no AVX2: torch falls back to slow kernels", "a processor made after 2013"
        )


def memory(facts: Facts) -> Iterator[Finding]:
    machine = facts.machine
    total, free = machine.memory_total >> 20, machine.memory_available >> 20
    yield Finding(EVERYWHERE, "memory", "ok", f"{free:,} MB of {total:,} MB are free")


def gpu(facts: Facts) -> Iterator[Finding]:
    if facts.machine.gpus:
        yield Finding(EVERYWHERE, "GPU", "ok", ", ".join(facts.machine.gpus))
    if facts.machine.seen.why:
        hint = "nvidia-smi itself has to work: reinstall the driver, or reboot into it"
        if VARIABLE in facts.machine.seen.why:
            hint = f"unset {VARIABLE}, or name those that a server is to use"
        yield Finding(EVERYWHERE, "GPU", "warning", facts.machine.seen.why, hint)
    elif not facts.machine.gpus:
        yield Finding(
            EVERYWHERE,
            "GPU",
            "note",
            "none, so models run on the CPU",
            "if there is one, put its driver's nvidia-smi on PATH",
        )


def software(facts: Facts) -> Iterator[Finding]:
    versions = {
        "Java": facts.java,
        "torch": facts.torch,
        "torchvision": facts.torchvision,
        "TorchServe": facts.torchserve,
    }
    missing = [name for name, version in versions.items() if not version]
    if missing:
        yield Finding(EVERYWHERE, "software", "error", f"{', '.join(missing)} not found in .venv", "make setup")
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Finding(EVERYWHERE, "software", "ok", f"Python {facts.python}" + (f", {there}" if there else ""))


def disk(facts: Facts) -> Iterator[Finding]:
    free = f"{facts.disk_free / (1 << 30):.1f} GB free for {facts.build_root}"
    if not facts.writable:
        yield Finding(
            EVERYWHERE, "disk", "error", f"{facts.build_root} cannot be written", "BUILD=<a folder of yours> make …"
        )
    elif facts.disk_free < DISK_NEEDED:
        yield Finding(EVERYWHERE, "disk", "warning", free, "free some: archives, logs and a tuning take about 1 GB")
    else:
        yield Finding(EVERYWHERE, "disk", "ok", free)


def certificate(facts: Facts) -> Iterator[Finding]:
    """Of the gateway; nothing where the kit issued none."""
    days = facts.certificate_days
    if days is None:
        return
    words = f"the gateway's ends in {count(days, 'day')}" if days >= 0 else "the gateway's has ended"
    due = days < RENEW_DAYS
    yield Finding(EVERYWHERE, "certificate", "warning" if due else "ok", words, "make certificates" if due else "")


def fit(profile: ProfileFacts, facts: Facts) -> Iterator[Finding]:
    """What the machine means for one profile."""
    machine, place = facts.machine, profile.name
    if profile.wrong:
        yield Finding(place, "files", "error", profile.wrong, "correct the profile's files")
        return
    if profile.needs_gpu and not machine.gpus:
        yield Finding(place, "GPU", "error", "it is for machines with a GPU", "PROFILE=onprem or PROFILE=edge")
        return
    workers = f"{profile.workers} worker{'s' if profile.workers > 1 else ''} × {profile.threads} thread"
    workers += f"{'s' if profile.threads > 1 else ''} ({profile.workers_why}), {profile.precision}"
    if profile.workers * profile.threads > machine.cores and not machine.gpus:
        yield Finding(
            place,
            "workers",
            "warning",
            f"{workers}: more threads than {count(machine.cores, 'core')}, so they slow each other",
            "set threads: 1 in model-config.yaml, or let make tune choose",
        )
    else:
        yield Finding(place, "workers", "ok", workers)
    yield from _memory_for(profile, facts)
    yield from _precision_for(profile, facts)
    others = [port for port in profile.taken_ports if not port.own]
    for port in others:
        yield Finding(
            place,
            "ports",
            "error",
            f"port {port.port} ({port.key}) is taken by {port.owner}",
            f"stop that program, or choose another port with TS_{port.key.upper()}=…",
        )
    if len(others) < len(profile.taken_ports):
        yield Finding(place, "ports", "ok", "its own server is running")
    elif not others:
        yield Finding(place, "ports", "ok", "all free")


def _memory_for(profile: ProfileFacts, facts: Facts) -> Iterator[Finding]:
    machine = facts.machine
    workers = Workers(profile.workers, MODEL_BYTES, profile.onnx, profile.threads, profile.stock_worker)
    needed = memory_needed([workers], profile.heap)
    said = f"about {needed >> 20:,} MB with a model like the embedded one"
    running = any(port.own for port in profile.taken_ports)
    if needed > machine.memory_total:
        yield Finding(
            place=profile.name,
            about="memory",
            severity="error",
            message=f"{said}, and the machine has {machine.memory_total >> 20:,} MB",
            hint="make serve TS_DEFAULT_WORKERS_PER_MODEL=1, or PROFILE=edge",
        )
    elif needed > machine.memory_available and not running:
        yield Finding(
            place=profile.name,
            about="memory",
            severity="error",
            message=f"{said}, and {machine.memory_available >> 20:,} MB are free",
            hint="stop something else, serve with fewer workers, or PROFILE=edge",
        )
    else:
        yield Finding(profile.name, "memory", "ok", said)


def _precision_for(profile: ProfileFacts, facts: Facts) -> Iterator[Finding]:
    if slow := why_slow(profile.precision, facts.machine.gpus, facts.flags):
        yield Finding(profile.name, "precision", "warning", slow, "make archive PRECISION=int8, or auto")
