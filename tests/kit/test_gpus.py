import os
from pathlib import Path

import pytest

from kit import gpus
from kit.gpus import Card, Gpus, visible

TWO = [Card("0", "GPU-5e1f", "NVIDIA L4"), Card("1", "GPU-5a20", "NVIDIA T4")]


@pytest.mark.parametrize(
    ("wanted", "names", "devices"),
    [
        (None, ("NVIDIA L4", "NVIDIA T4"), "0,1"),
        ("0,1", ("NVIDIA L4", "NVIDIA T4"), "0,1"),
        ("1", ("NVIDIA T4",), "1"),
        (" 1 , 0 ", ("NVIDIA T4", "NVIDIA L4"), "1,0"),
        ("GPU-5a", ("NVIDIA T4",), "1"),
        ("GPU-5a20,GPU-5e1f", ("NVIDIA T4", "NVIDIA L4"), "1,0"),
        ("", (), "-1"),
        ("-1", (), "-1"),
        ("1,-1,0", ("NVIDIA T4",), "1"),
        ("0,7,1", ("NVIDIA L4",), "0"),
        ("GPU-5", (), "-1"),  # names both
        ("0,0", ("NVIDIA L4",), "0"),
        ("MIG-GPU-5e1f/1/0", (), "-1"),
        ("NoDevFiles", (), "-1"),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(wanted: str | None, names: tuple[str, ...], devices: str) -> None:
    found = visible(TWO, wanted)
    assert (found.names, found.devices) == (names, devices)
    assert bool(found.why) == (len(names) < 2)
    if found.why:
        assert f"CUDA_VISIBLE_DEVICES={wanted} leaves {len(names)} of 2" in found.why
    assert ("MIG" in found.why) == ("MIG" in (wanted or ""))


def smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Gpus:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return gpus.usable()


def test_gpus_as_nvidia_smi_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = smi(tmp_path, monkeypatch, "echo '0, GPU-a, NVIDIA L4'; echo '1, GPU-b, NVIDIA H100 80GB HBM3, of a kind'")
    assert found == Gpus(("NVIDIA L4", "NVIDIA H100 80GB HBM3, of a kind"), "0,1", "")


def test_a_driver_that_fails_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Failed to initialize NVML: Driver/library version mismatch"
    assert smi(tmp_path, monkeypatch, f"echo '{said}'; exit 18") == Gpus(why=f"nvidia-smi failed: {said}")
    assert smi(tmp_path, monkeypatch, "exit 9").why == "nvidia-smi failed: exit status 9"


def test_a_driver_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "ANSWER_SECONDS", 0.2)
    assert smi(tmp_path, monkeypatch, "exec sleep 60").why == "nvidia-smi failed: no answer in 0.2 s"
