from pathlib import Path

import pytest

from common.errors import KitError
from kit.gpus import Gpus
from kit.machine import Machine
from kit.profiles import CONFIG
from kit.serving import launch
from kit.serving.launch import RunFolder, counted, here, java_command, server_environment, temp_folder
from kit.serving.settings import ServerSettings


def test_the_command_is_java_itself_with_the_profiles_own_file() -> None:
    run = RunFolder(Path("/b/run"))
    config = CONFIG / "edge" / "config.properties"
    command = java_command(ServerSettings({"vmargs": "-Xmx128m -Dx=y"}), here(config, run, Path("/t")), ["m.mar"])
    assert command[0].endswith("/bin/java")
    assert command[4:6] == ["-Xmx128m", "-Dx=y"]
    assert "-Djava.io.tmpdir=/t" in command
    assert command[-2:] == ["-m", "m.mar"], "TorchServe takes every word after -m for a model"
    assert "-ncs" in command
    assert command[command.index("-f") + 1] == str(config)


def test_the_environment_tells_torchserve_where_everything_is() -> None:
    base = {"HOME": "/h", "TS_CONFIG_FILE": "/elsewhere"}
    places = here(Path("/c"), RunFolder(Path("/b/run")), Path("/t"))
    environment = server_environment(places, foreground=False, counts={"TS_JOB_QUEUE_SIZE": "5"}, base=base)
    assert environment["MODEL_STORE"] == "/b/run/model-store"
    assert environment["LOG_LOCATION"] == "/b/run/logs"
    assert environment["LOG_ALSO_TO"] == "nowhere"
    assert environment["TS_JOB_QUEUE_SIZE"] == "5"
    assert "TS_CONFIG_FILE" not in environment, "it would replace the profile's file"


@pytest.mark.parametrize(
    ("gpus", "devices"), [((), "-1"), ((), ""), (("NVIDIA L4",), "1"), (("NVIDIA L4", "NVIDIA L4"), "0,1")]
)
def test_torchserve_counts_what_the_kit_counted(gpus: tuple[str, ...], devices: str) -> None:
    machine = Machine("x86_64", 8, 1 << 35, 1 << 35, gpus, Gpus(gpus, devices))
    found = counted(machine, 3)
    assert (found["CUDA_VISIBLE_DEVICES"], found["TS_DEFAULT_WORKERS_PER_MODEL"]) == (devices, "3")
    assert ("TS_NUMBER_OF_GPU" in found) == (not gpus)


def test_java_reads_names_of_files_as_utf8_whatever_the_locale(tmp_path: Path) -> None:
    places = here(Path("/c"), RunFolder(tmp_path / "é"), tmp_path)
    assert server_environment(places, foreground=False, counts={}, base={"LC_ALL": "C"})["LC_ALL"] == "C.UTF-8"


def test_a_temp_from_which_nothing_may_run_moves_elsewhere_or_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path / "r")
    run.folder.mkdir()
    monkeypatch.setattr(launch, "_is_noexec", lambda folder: folder.is_relative_to(run.folder))
    elsewhere = temp_folder(run)
    assert not elsewhere.is_relative_to(run.folder)
    elsewhere.rmdir()
    monkeypatch.setattr(launch, "_is_noexec", lambda folder: True)
    with pytest.raises(KitError, match="mounted noexec") as raised:
        temp_folder(run)
    assert "TMPDIR=" in raised.value.hint


def test_a_path_too_long_for_a_workers_socket_moves_temp_elsewhere(tmp_path: Path) -> None:
    short, long = RunFolder(tmp_path / "r"), RunFolder(tmp_path / ("x" * 100))
    for run in (short, long):
        run.folder.mkdir()
    assert temp_folder(short) == short.folder / "tmp"
    elsewhere = temp_folder(long)
    try:
        assert not elsewhere.is_relative_to(tmp_path)
        assert elsewhere.stat().st_mode & 0o777 == 0o700
    finally:
        elsewhere.rmdir()
