import hashlib
import json
import os
import socket
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from kit.gpus import Gpus
from kit.machine import Machine
from kit.serving import preflight
from kit.serving.settings import DEFAULTS, ServerSettings

GB = 1 << 30
BOX = Machine("aarch64", 4, 2 * GB, GB, ())


def settings_on(ports: list[int]) -> ServerSettings:
    keys = ("inference_address", "management_address", "metrics_address")
    addresses = {key: f"http://127.0.0.1:{port}" for key, port in zip(keys, ports, strict=False)}
    return ServerSettings(
        DEFAULTS | addresses | {"grpc_inference_port": str(ports[3]), "grpc_management_port": str(ports[4])}
    )


def test_a_taken_port_is_named_with_who_has_it_and_another_that_would_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        ports = [listener.getsockname()[1] for listener in free]
        for listener in free:
            listener.close()
        port = taken.getsockname()[1]
        with pytest.raises(KitError) as caught:
            preflight.check_ports(settings_on([ports[0], port, *ports[1:]]))
    assert f"port {port} (management_address) is taken by" in caught.value.message
    assert f"(pid {os.getpid()})" in caught.value.message
    assert "TS_MANAGEMENT_ADDRESS=http://127.0.0.1:" in caught.value.hint


def test_one_port_for_two_purposes_is_refused() -> None:
    with pytest.raises(KitError, match="inference_address, metrics_address"):
        preflight.check_ports(settings_on([1, 2, 1, 3, 4]))


def test_a_gpu_profile_without_a_gpu_is_refused() -> None:
    with pytest.raises(KitError, match="this machine has no GPU"):
        preflight.check_gpu({"deviceType": "gpu"}, "cloud-gpu", BOX)
    preflight.check_gpu({"deviceType": "gpu"}, "cloud-gpu", Machine("x86_64", 4, GB, GB, ("NVIDIA T4",)))
    preflight.check_gpu({}, "onprem", BOX)


@pytest.mark.parametrize(
    ("devices", "lines", "refused"),
    [
        ("-1", {}, True),
        ("-1", {"enable_envvars_config": "true"}, False),
        ("-1", {"number_of_gpu": "0"}, False),
        ("", {}, False),
        ("1", {}, False),
    ],
)
def test_hidden_gpus_that_torchserve_would_count_are_refused(
    devices: str, lines: dict[str, str], refused: bool
) -> None:
    machine = Machine("x86_64", 4, GB, GB, (), Gpus(devices=devices, why="CUDA_VISIBLE_DEVICES=-1 leaves 0 of 2"))
    with pytest.raises(UsageError, match=r"leaves 0 of 2.*would count one") if refused else nullcontext():
        preflight.check_gpu_count(ServerSettings(DEFAULTS | lines), machine)


@pytest.mark.parametrize(
    ("onnx", "threads", "stock", "megabytes"),
    [
        (False, 1, False, 30),
        (False, 2, False, 30),
        (False, 1, True, 375),
        (True, 1, False, 25),
        (True, 2, False, 140),
        (True, 1, True, 165),
    ],
)
def test_what_one_worker_more_takes(onnx: bool, threads: int, stock: bool, megabytes: int) -> None:
    one, two = (preflight.Workers(count, 45 << 20, onnx, threads, stock).memory for count in (1, 2))
    assert two - one == megabytes << 20


def test_too_little_memory_is_refused_with_the_sum() -> None:
    one, twenty = (preflight.memory_needed([preflight.Workers(count, 45 << 20)], 128 << 20) for count in (1, 20))
    preflight.check_memory(one, "1 worker and Java", BOX)
    with pytest.raises(
        KitError, match=r"20 workers \(one per core\) and Java would take about 1173 MB, and 1024 MB of 2048"
    ):
        preflight.check_memory(twenty, "20 workers (one per core) and Java", BOX)


def test_models_share_what_their_workers_import() -> None:
    torch, onnx = preflight.Workers(1, 45 << 20), preflight.Workers(1, 45 << 20, onnx=True)
    one, two, mixed = (preflight.memory_needed(models, 0) >> 20 for models in ([torch], [torch] * 2, [torch, onnx]))
    assert two - one == 45 + 30
    assert mixed - one == 50 + 90 + 25


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder with an archive and its report."""
    with zipfile.ZipFile(tmp_path / "m.mar", "w") as mar:
        mar.writestr("MAR-INF/MANIFEST.json", "{}")
    report(tmp_path)
    return tmp_path


def report(folder: Path) -> None:
    digest = hashlib.sha256((folder / "m.mar").read_bytes()).hexdigest()
    (folder / "archive.json").write_text(json.dumps({"file": "m.mar", "sha256": digest}))


def test_a_whole_archive_is_taken(built: Path) -> None:
    assert preflight.check_archive(built / "archive.json", built, "make archive")["file"] == "m.mar"


def test_an_archive_with_one_flipped_bit_is_refused(built: Path) -> None:
    content = bytearray((built / "m.mar").read_bytes())
    content[len(content) // 2] ^= 1
    (built / "m.mar").write_bytes(content)
    with pytest.raises(KitError, match="is broken") as caught:
        preflight.check_archive(built / "archive.json", built, "make archive")
    assert caught.value.hint == "make archive"


def test_a_file_that_is_no_archive_is_refused(built: Path) -> None:
    (built / "m.mar").write_bytes(b"not a zip")
    report(built)
    with pytest.raises(KitError, match="not a model archive"):
        preflight.check_archive(built / "archive.json", built, "make archive")


def test_a_missing_archive_or_report_says_how_to_make_it(built: Path) -> None:
    for missing in ("m.mar", "archive.json"):
        (built / missing).unlink()
        with pytest.raises(KitError, match=f"{missing} does not exist") as caught:
            preflight.check_archive(built / "archive.json", built, "make archive")
        assert caught.value.hint == "make archive"
