"""What keeps a server from starting is said in a sentence, and nothing is left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from common.durable import read_object, sha256
from kit.archive.member import with_member
from kit.files import write_json
from kit.profiles import CONFIG
from tests.conftest import RunScript
from tests.integration.places import Place, Words


def refused(result: Words, *words: str) -> None:
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_a_taken_port_is_refused(place: Place) -> None:
    port = int(place.environment["TS_METRICS_ADDRESS"].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        refused(place.server("start"), f"port {port} (metrics_address) is taken by", f"(pid {os.getpid()})")
    assert place.processes() == []
    assert place.left_behind() == set()


def test_a_broken_archive_is_refused(place: Place) -> None:
    mar = place.build.folder / "resnet18.mar"
    mar.write_bytes(mar.read_bytes()[:-1000])
    refused(place.server("start"), "resnet18.mar is broken", "make archive PROFILE=onprem")
    assert place.processes() == []


def test_a_worker_that_cannot_start_is_told_with_its_own_words(place: Place) -> None:
    mar, report = place.build.folder / "resnet18.mar", place.build.archive_report
    with_member(mar, "index_to_name.json", b'{"0": "Banana"}', mar)
    write_json(report, read_object(report) | {"sha256": sha256(mar)})
    refused(place.server("start"), "the model does not load", "names 1 classes, the model has 43")
    assert place.processes() == []
    assert place.left_behind() == set()


def test_a_java_that_cannot_start_is_told_with_its_own_words(profile_place: Callable[..., Place]) -> None:
    place = profile_place({"config.properties": [("-XX:+UseSerialGC", "-XX:+UseMagic")]})
    refused(place.server("start"), "TorchServe ended", "Unrecognized VM option 'UseMagic'")
    assert place.left_behind() == set()


def test_too_little_memory_is_refused_before_anything_starts(place: Place) -> None:
    config = CONFIG / "onprem" / "config.properties"
    assert "default_workers_per_model=" not in config.read_text()
    refused(place.server("start", TS_DEFAULT_WORKERS_PER_MODEL="5000"), "too little memory: 5,000 workers", "MB")
    assert place.left_behind() == set()


def test_a_gpu_profile_is_refused_before_anything_starts(place: Place) -> None:
    no_gpu = {"PROFILE": "cloud-gpu", "PATH": "/usr/bin:/bin"}
    refused(place.server("start", **no_gpu), "this machine has no GPU")


def test_no_archive_says_how_to_make_one(tmp_path: Path, run_script: RunScript) -> None:
    empty = Place(tmp_path, run_script, "onprem")
    refused(empty.server("start"), "make archive PROFILE=onprem")
    refused(run_script("predict", env=empty.environment), "no server is running", "make serve")
