"""What doctor says about made-up machines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.doctor.facts import Facts, ProfileFacts, TakenPort
from kit.doctor.findings import EVERYWHERE, SEVERITIES, Finding, examine, failed
from kit.gpus import Gpus
from kit.machine import Machine

GB = 1 << 30
SERVER = Machine("x86_64", 8, 32 * GB, 24 * GB, ())
ONPREM = ProfileFacts("onprem", 8, "one per core, 8 cores", 1, "int8", 1 * GB, False)
GOOD = Facts(
    machine=SERVER,
    flags=frozenset({"avx2", "avx512_vnni", "avx512_bf16"}),
    cpu_quota=None,
    governor="performance",
    steal=0.0,
    load=0.1,
    java="25.0.2.1",
    python="3.11.7",
    torch="2.14.1",
    torchvision="0.29.1",
    torchserve="0.12.0",
    disk_free=50 * GB,
    build_root="/srv/kit/build",
    writable=True,
    profiles=(ONPREM,),
)


def about(facts: Facts, subject: str, place: str = EVERYWHERE) -> Finding:
    """The gravest finding on a subject."""
    found = [finding for finding in examine(facts) if (finding.about, finding.place) == (subject, place)]
    return max(found, key=lambda finding: SEVERITIES.index(finding.severity))


def test_a_good_machine_has_nothing_worse_than_a_note() -> None:
    findings = examine(GOOD)
    assert {finding.severity for finding in findings} == {"ok", "note"}
    assert not failed(findings, "onprem")


@pytest.mark.parametrize(
    ("changes", "subject", "severity", "said"),
    [
        ({"machine": replace(SERVER, processor="riscv64")}, "processor", "error", "no wheels"),
        (
            {"machine": replace(SERVER, seen=Gpus(why="nvidia-smi failed: version mismatch"))},
            "GPU",
            "warning",
            "version mismatch",
        ),
        ({"certificate_days": 20}, "certificate", "warning", "ends in 20 days"),
        ({"certificate_days": -1}, "certificate", "warning", "has ended"),
        ({"cpu_quota": 1.5}, "container", "warning", "may use 1.5"),
        ({"governor": "powersave"}, "governor", "note", "powersave"),
        ({"steal": 0.12}, "steal", "warning", "12%"),
        ({"load": 6.0}, "load", "note", "load 6.0 on 8 cores"),
        ({"flags": frozenset({"avx2"})}, "arithmetic", "note", "no"),
        ({"flags": frozenset()}, "arithmetic", "warning", "AVX2"),
        ({"java": ""}, "software", "error", "Java not found"),
        ({"torch": "", "torchserve": ""}, "software", "error", "torch, TorchServe not found"),
        ({"disk_free": GB // 2}, "disk", "warning", "0.5 GB"),
        ({"writable": False}, "disk", "error", "/srv/kit/build cannot be written"),
    ],
)
def test_what_is_wrong_with_a_machine(changes: dict[str, object], subject: str, severity: str, said: str) -> None:
    facts = replace(GOOD, **changes)  # type: ignore[arg-type]
    finding = about(facts, subject)
    assert finding.severity == severity
    assert said in finding.message
    assert finding.hint
    assert failed(examine(facts), "onprem") == (severity == "error")


def test_a_quota_of_all_cores_is_none() -> None:
    assert not [finding for finding in examine(replace(GOOD, cpu_quota=8.0)) if finding.about == "container"]


@pytest.mark.parametrize(
    ("changes", "subject", "severity", "said"),
    [
        ({"needs_gpu": True}, "GPU", "error", "machines with a GPU"),
        ({"threads": 4}, "workers", "warning", "more threads than 8 cores"),
        ({"workers": 4000, "threads": 1}, "memory", "error", "the machine has"),
        ({"heap": 26 * GB}, "memory", "error", "are free"),
        ({"precision": "fp16"}, "precision", "warning", "needs a GPU"),
        ({"taken_ports": (TakenPort("inference_address", 8080, "nginx (pid 7)"),)}, "ports", "error", "nginx (pid 7)"),
        ({"wrong": "model-config.yaml is not YAML"}, "files", "error", "not YAML"),
    ],
)
def test_what_is_wrong_for_a_profile(changes: dict[str, object], subject: str, severity: str, said: str) -> None:
    profile = replace(ONPREM, **changes)  # type: ignore[arg-type]
    facts = replace(GOOD, profiles=(profile,))
    finding = about(facts, subject, "onprem")
    assert finding.severity == severity
    assert said in finding.message
    assert finding.hint
    assert failed(examine(facts), "onprem") == (severity == "error")
    assert not failed(examine(facts), "another")


def test_bf16_is_warned_of_where_it_is_emulated() -> None:
    facts = replace(GOOD, flags=frozenset({"avx2"}), profiles=(replace(ONPREM, precision="bf16"),))
    assert about(facts, "precision", "onprem").severity == "warning"
    assert not [finding for finding in examine(replace(facts, flags=GOOD.flags)) if finding.about == "precision"]


def test_its_own_running_server_is_not_in_the_way() -> None:
    ports = tuple(TakenPort(key, 8080, "java (pid 9)", own=True) for key in ("inference_address", "metrics_address"))
    busy = replace(SERVER, memory_available=1 * GB)
    facts = replace(GOOD, machine=busy, profiles=(replace(ONPREM, taken_ports=ports),))
    assert about(facts, "ports", "onprem").severity == "ok"
    assert about(facts, "memory", "onprem").severity == "ok", "its memory is taken already: by itself"


def test_a_machine_with_gpus() -> None:
    machine = replace(SERVER, gpus=("NVIDIA L4",))
    profile = ProfileFacts("cloud-gpu", 1, "one a GPU, 1 GPU", 8, "fp16", 4 * GB, True)
    findings = examine(replace(GOOD, machine=machine, profiles=(profile,)))
    assert not failed(findings, "cloud-gpu")
    assert "NVIDIA L4" in [finding.message for finding in findings]


def test_everything_that_is_not_well_has_a_remedy() -> None:
    worst = replace(
        GOOD,
        machine=Machine("riscv64", 1, GB, GB // 8, ()),
        flags=frozenset(),
        cpu_quota=0.5,
        governor="ondemand",
        steal=0.5,
        load=9.0,
        java="",
        disk_free=0,
        profiles=(replace(ONPREM, precision="bf16"), replace(ONPREM, name="cloud-gpu", needs_gpu=True)),
    )
    for finding in examine(worst):
        assert finding.severity == "ok" or finding.hint, finding


def test_a_certificate_that_is_good_is_told_with_its_days() -> None:
    assert not [finding for finding in examine(GOOD) if finding.about == "certificate"]
    found = about(replace(GOOD, certificate_days=300), "certificate")
    assert (found.severity, found.message) == ("ok", "the gateway's ends in 300 days")
