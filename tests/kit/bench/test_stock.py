"""The stock server's start, as data: nothing of ours is in it."""

from __future__ import annotations

from pathlib import Path

from kit.bench.servers import stock
from kit.bench.servers.stock_archive import archiver_command
from kit.serving.launch import RunFolder


def test_the_command_is_torchserves_own() -> None:
    program, *arguments = stock.command(Path("/run/config.properties"), Path("/store"), "stock.mar")
    assert Path(program).name == "torchserve"
    assert arguments == [
        *("--start", "--foreground", "--ncs"),
        *("--ts-config", "/run/config.properties", "--model-store", "/store", "--models", "stock.mar"),
    ]


def test_the_configuration_says_where_it_listens_and_nothing_else() -> None:
    assert stock.properties(Path("/store"), [1, 2, 3, 4, 5]).splitlines() == [
        "inference_address=http://127.0.0.1:1",
        "management_address=http://127.0.0.1:2",
        "metrics_address=http://127.0.0.1:3",
        "grpc_inference_port=4",
        "grpc_management_port=5",
        "model_store=/store",
        "load_models=all",
    ]


def test_a_shells_settings_do_not_reach_it(tmp_path: Path) -> None:
    shell = {"PATH": "/bin", "OMP_NUM_THREADS": "7", "TS_CONFIG_FILE": "x", "TS_NUMBER_OF_GPU": "0"}
    as_it_comes, one_thread = (stock.environment(RunFolder(tmp_path), found, shell) for found in stock.VARIANTS)
    assert as_it_comes["PATH"] == "/bin"
    assert not [name for name in as_it_comes if name.startswith("TS_") or name == "OMP_NUM_THREADS"]
    assert one_thread == as_it_comes | {"OMP_NUM_THREADS": "1"}
    assert as_it_comes["TEMP"].startswith(str(tmp_path))


def test_its_archive_has_the_stock_handler_and_no_settings() -> None:
    command = archiver_command(Path("/parts"), Path("/store"))
    assert command[command.index("--handler") + 1] == "image_classifier"
    assert "--config-file" not in command
