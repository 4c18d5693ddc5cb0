"""What a tuning begins with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from common.errors import KitError, UsageError
from kit import profiles
from kit.files import write_json
from kit.serving.preflight import is_free
from kit.serving.settings import load
from kit.serving.state import ServedModel, ServerState
from kit.tune.fingerprint import fingerprint
from kit.tune.search.candidate import Candidate
from kit.tune.trial import preparation
from kit.tune.trial.executor import Executor, Load, by_file
from kit.tune.trial.exports import Exports
from kit.tune.trial.folders import Folders
from kit.tune.trial.profile_settings import default_of
from tests.kit.tune.landscapes import machine


def never() -> bool:
    return False


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    """With a made-up archive in fp32 and int8."""
    base = profiles.choose("onprem", machine())
    folders = Folders(tmp_path / "tuned")
    picture = tmp_path / "one.jpg"
    picture.write_bytes(b"pixels")
    made = Executor(base, machine(), folders, Exports(base, folders, never), Load(8, 5.0, [picture]), never)
    for name in ("fp32", "int8"):
        write_json(made.exports.build(name).archive_report, {"file": "net.mar", "sha256": name})
    return made


def test_a_fifth_of_the_grid_and_40_at_most_unless_asked() -> None:
    assert preparation.budget_of(0, 100) == 20
    assert preparation.budget_of(0, 1000) == 40
    assert preparation.budget_of(0, 10) == 4
    assert preparation.budget_of(50, 1000) == 50
    assert preparation.budget_of(50, 30) == 30
    with pytest.raises(UsageError):
        preparation.budget_of(1, 100)


@pytest.mark.parametrize(
    ("properties", "model_config", "gpus", "expected"),
    [
        ("", "{}", (), Candidate("fp32", 2, 1, 1, 0)),
        ("", "{minWorkers: 1, handler: {threads: all}}", (), Candidate("fp32", 1, 2, 1, 0)),
        ("default_workers_per_model=3\n", "{batchSize: 1, maxBatchDelay: 9}", (), Candidate("fp32", 3, 1, 1, 0)),
        ("", "{deviceType: gpu, batchSize: 32}", ("L4",), Candidate("fp32", 1, 1, 32, 100)),
        ("", "{deviceType: cpu, batchSize: 4, maxBatchDelay: 5}", ("L4",), Candidate("fp32", 2, 1, 4, 5)),
    ],
)
def test_what_a_profile_comes_to_on_a_machine(
    tmp_path: Path, properties: str, model_config: str, gpus: tuple[str, ...], expected: Candidate
) -> None:
    (tmp_path / "config.properties").write_text(properties)
    (tmp_path / "model-config.yaml").write_text(model_config)
    here = machine(2, gpus)
    assert default_of(profiles.choose(str(tmp_path), here), here) == expected


def test_a_running_server_of_this_build_folder_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    preparation.check_alone()
    me = psutil.Process()
    running = ServerState(me.pid, me.create_time(), (ServedModel("net", "1.0", "", 1, 30.0),), "", "", "", "", "")
    write_json(tmp_path / "onprem" / "run" / "server.json", asdict(running))
    with pytest.raises(KitError, match=f"a server runs .profile onprem, pid {os.getpid()}.") as refused:
        preparation.check_alone()
    assert refused.value.hint == "stop it while you tune: make stop PROFILE=onprem"


def test_the_users_photographs_are_sent_evenly_chosen(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"x" * 1000)
    taken, words = preparation.load_pictures(str(tmp_path), tmp_path)
    assert [path.name for path in taken[:2]] == ["00.jpg", "03.jpg"]
    assert words == f"17 photographs of {tmp_path}, 1 kB on average"
    with pytest.raises(UsageError):
        preparation.load_pictures(str(tmp_path / "nowhere"), tmp_path)


def test_a_candidate_listens_where_nothing_else_does_whatever_the_environment_says(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TS_INFERENCE_ADDRESS", "http://127.0.0.1:8080")
    monkeypatch.setattr(Executor, "_build", lambda *_: None)
    candidate = Candidate("int8", 1, 2, 4, 5)
    profile = executor.prepare(candidate)
    settings = load(profile.properties, os.environ | profile.run.environment())
    ports = [listener.port for listener in settings.listeners()]
    assert len(set(ports)) == 5
    assert not {8080, 8081, 8082, 7070, 7071} & set(ports)
    assert all(is_free(listener) for listener in settings.listeners())
    assert settings.tokens, "a server that is measured is as closed as one that serves"
    assert default_of(profile, machine()) == candidate
    assert profile.build.folder.is_relative_to(executor.folders.root)


def test_a_candidate_takes_no_address_from_the_environment() -> None:
    values = by_file([1, 2, 3, 4, 5], machine())
    assert values["metrics_address"] == "http://127.0.0.1:3"
    assert values["enable_envvars_config"] == "false"
    assert values["number_of_gpu"] == str(len(machine().gpus)), "TorchServe would count CUDA_VISIBLE_DEVICES=-1 as one"


def test_the_fingerprint_changes_with_what_the_figures_depend_on(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now(**changes: object) -> str:
        return fingerprint(Executor(**({**vars(executor), **changes})), ("fp32", "int8"))

    same = now()
    assert now() == same
    changed = [
        now(machine=machine(4)),
        now(load=Load(9, 5.0, executor.load.pictures)),
        now(load=Load(8, 6.0, executor.load.pictures)),
        now(base=profiles.choose("edge", machine())),
    ]
    write_json(executor.exports.build("int8").archive_report, {"file": "net.mar", "sha256": "another"})
    changed.append(now())
    executor.load.pictures[0].write_bytes(b"other pixels")
    changed.append(now())
    assert len({same, *changed}) == 7


class Commands:
    """Stands for `make export` and `make archive`."""

    def __init__(self, failing: str = "") -> None:
        self.ran: list[tuple[str, str]] = []
        self.failing = failing

    def __call__(self, command: str, precision: str) -> str:
        self.ran.append((command, precision))
        return f"{precision} cannot be" if precision == self.failing else ""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Commands]:
    def install(failing: str = "") -> Commands:
        made = Commands(failing)
        monkeypatch.setattr(Exports, "_run", lambda self, command, precision: made(command, precision))
        return made

    return install


def test_a_precision_is_exported_once_and_again_when_the_model_is_another(
    executor: Executor, commands: Callable[[str], Commands], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = commands("int8")
    for _ in range(2):
        assert executor.exports.make("fp32") == ""
        assert executor.exports.make("int8") == "int8 cannot be"
    assert ran.ran == [("export", "fp32"), ("archive", "fp32"), ("export", "int8")]
    weights = tmp_path / "weights.pt"
    for content in (b"one", b"other"):
        weights.write_bytes(content)
        monkeypatch.setenv("WEIGHTS", str(weights))
        executor.exports.make("fp32")
    assert len(ran.ran) == 7


def test_a_precision_that_cannot_be_is_left_out_and_the_profiles_own_is_needed(
    executor: Executor, commands: Callable[[str], Commands]
) -> None:
    default = default_of(executor.base, machine()).precision
    other = "int8" if default == "fp32" else "fp32"
    commands(other)
    assert other not in preparation.explore(executor).precisions
    executor.exports.stamp(default).unlink()
    commands(default)
    with pytest.raises(KitError, match="the profile's own precision"):
        preparation.explore(executor)
