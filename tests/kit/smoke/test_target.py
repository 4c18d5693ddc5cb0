from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from kit.build import Build
from kit.client.elsewhere import read_headers
from kit.serving.launch import RunFolder
from kit.smoke.session import Session, connect
from kit.smoke.target import Options, resolve
from tests.conftest import RunScript, script_environment


@pytest.fixture
def build(tmp_path: Path) -> Build:
    write_golden(tmp_path / "golden", model="net")
    return Build(tmp_path)


def write_golden(folder: Path, **more: str) -> None:
    folder.mkdir(exist_ok=True)
    index = {"tolerance": 0.05, "pictures": [{"file": "a.jpg", "expected": {"Lime": 0.9}}], **more}
    (folder / "golden.json").write_text(json.dumps(index))


def test_a_url_alone_leaves_the_rest_unknown(build: Build) -> None:
    target = resolve(Options(url="http://server:8080"), build, RunFolder(build.run))
    assert (target.url, target.management_url, target.metrics_url, target.grpc) == ("http://server:8080", "", "", "")
    assert (target.model, target.store, target.headers) == ("net", None, {})


def test_model_from_the_environment_goes_first(build: Build) -> None:
    assert resolve(Options(url="http://server", model="other"), build, RunFolder(build.run)).model == "other"


def test_a_model_that_nothing_names_is_asked_for(build: Build) -> None:
    write_golden(build.golden)
    with pytest.raises(UsageError, match="which model") as raised:
        resolve(Options(url="http://server"), build, RunFolder(build.run))
    assert "MODEL=" in raised.value.hint


def test_no_server_and_no_url(build: Build) -> None:
    with pytest.raises(KitError, match="no server is running") as raised:
        resolve(Options(), build, RunFolder(build.run))
    assert "make serve" in raised.value.hint
    assert raised.value.exit_status == 1


def test_no_golden_pictures(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"golden\.json does not exist") as raised:
        resolve(Options(url="http://server"), Build(tmp_path), RunFolder(tmp_path))
    assert "make export" in raised.value.hint


@pytest.mark.parametrize(
    "options",
    [
        Options(url="server:8080"),
        Options(url="http://"),
        Options(url="http://s:many"),
        Options(url="http://s:99999"),
        Options(url="https://:8443/x"),
        Options(url="http://s", management_url="s:8081"),
        Options(url="http://s", metrics_url="ftp://s"),
        Options(url="http://s", grpc="7070"),
        Options(url="http://s", header_file="/nowhere"),
    ],
)
def test_what_cannot_be_right_is_wrong_use(build: Build, options: Options) -> None:
    with pytest.raises(UsageError):
        resolve(options, build, RunFolder(build.run))


def test_header_files_are_curls(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("Authorization: Bearer abc:d\nX-Tenant: a\n\n")
    assert read_headers("HEADER_FILE", str(file)) == {"Authorization": "Bearer abc:d", "X-Tenant": "a"}
    file.write_text("abc\n")
    with pytest.raises(UsageError, match="does not hold headers"):
        read_headers("HEADER_FILE", str(file))


def test_no_token_is_in_a_targets_text(session: Session) -> None:
    target = replace(session.target, headers={"Authorization": "Bearer secret"})
    assert "secret" not in repr(target)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "unix:/nowhere.sock"])
def test_a_server_that_is_not_there_is_told_within_seconds(build: Build, run_script: RunScript, url: str) -> None:
    environment = script_environment(build.folder, URL=url, GOLDEN=str(build.golden))
    refused = run_script("smoke", env=environment, timeout=20)
    assert refused.returncode == 1
    assert f"error: no server answers at {url}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_a_server_that_does_not_answer_is_told_within_seconds(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.smoke.session.REACH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = replace(session.target, url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(KitError, match="no server answers at"), connect(target):
            pass
