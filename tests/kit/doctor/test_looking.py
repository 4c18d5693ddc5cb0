"""Reading this machine, and what the kernel's files mean."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kit import machine, profiles
from kit.doctor.looking import examined, look, steal


def test_steal_is_the_eighth_figure() -> None:
    assert steal("cpu  60 0 20 10 0 0 0 10 5 0\ncpu0 1 1 1\n") == 0.1
    assert steal("") == 0.0


def test_processor_flags_of_both_kinds_of_processor() -> None:
    assert machine.processor_flags("processor: 0\nflags\t\t: fpu avx2 amx_int8\n") == {"fpu", "avx2", "amx_int8"}
    assert machine.processor_flags("Features\t: fp asimddp\nCPU part: 0xd08\n") == {"fp", "asimddp"}
    assert machine.processor_flags("model name: ?\n") == frozenset()


def test_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "not" / "there" / "yet"))
    here = machine.detect()
    facts = look([profiles.choose(name, here) for name in profiles.names()])
    assert facts.machine.cores == here.cores
    assert facts.torchserve == "0.12.0"
    assert facts.java
    assert facts.writable
    assert facts.disk_free > 0
    assert [profile.name for profile in facts.profiles] == profiles.names()
    assert not any(profile.wrong for profile in facts.profiles)


def test_a_taken_port_and_who_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    here = machine.detect()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("TS_INFERENCE_ADDRESS", f"http://127.0.0.1:{port}")
        ports = examined(profiles.choose("onprem", here), here).taken_ports
    found = [one for one in ports if one.port == port]
    assert [(one.key, one.own) for one in found] == [("inference_address", False)]
    assert f"(pid {os.getpid()})" in found[0].owner


def test_files_that_cannot_be_read_are_a_finding_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "config.properties").write_text("inference_address=ftp://x\n")
    (tmp_path / "model-config.yaml").write_text("- a list\n")
    here = machine.detect()
    assert "must hold a mapping" in examined(profiles.choose(str(tmp_path), here), here).wrong
    (tmp_path / "model-config.yaml").write_text("batchSize: 1\n")
    assert "ftp://x" in examined(profiles.choose(str(tmp_path), here), here).wrong
