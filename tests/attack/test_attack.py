"""A few minutes of what `make attack` does for an hour, always the same; and each finding of it, kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack import floods
from tests.attack.fuzz import fuzz, wrong
from tests.attack.server import Attacked, attacked
from tests.conftest import RunScript, script_environment
from tests.integration.places import free_addresses

CORPUS = Path(__file__).with_name("corpus")
SECONDS, SEED, EXAMPLES = 30, 13, 10


@pytest.fixture(scope="module")
def server(archive_root: Path, tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Iterator[Attacked]:
    root = tmp_path_factory.mktemp("attack")
    shutil.copytree(archive_root / "onprem", root / "onprem", ignore=shutil.ignore_patterns("run"))
    environment = script_environment(root, PROFILE="onprem", **free_addresses())
    with attacked(root, environment, run_script) as one:
        yield one


def test_made_up_requests_end_nothing_and_reach_no_management(server: Attacked, tmp_path: Path) -> None:
    before = server.memory()
    done = fuzz(server, SECONDS, SEED, tmp_path)
    assert done.findings == []
    assert done.sent > 100
    assert done.statuses["200"] and done.statuses["400"] and done.statuses["401"]
    after = server.memory()
    assert after.java - before.java < 300
    assert after.nginx - before.nginx < 100


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.http")), ids=lambda file: file.stem)
def test_what_was_found_once_stays_mended(server: Attacked, file: Path) -> None:
    assert wrong(server.send(file.read_bytes().replace(b"KEY", server.key.encode()), 1.0)) == ""
    server.check()


def test_too_many_too_slow_and_too_large(server: Attacked) -> None:
    floods.silent_connections(server, 2000)
    floods.slow_headers(server, 200, 3)
    floods.slow_bodies(server, 200, 3)
    floods.many_headers(server, 10)
    floods.wrong_keys(server, 300)
    floods.bombs(server)
    server.check()


def test_schemathesis_finds_no_answer_that_openapi_does_not_promise(server: Attacked, tmp_path: Path) -> None:
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(f'headers = {{ Authorization = "Bearer {server.key}" }}\n')
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(settings), "run", f"{server.address}/openapi.json"),
            *("--checks", checks, "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-color"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    server.check()
