"""The OpenAPI document: what it promises is what is served, tried with what schemathesis makes of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from kit.gateway.nginx import SOURCES
from tests.gateway.conftest import Front

EXAMPLES = 25


def test_it_names_this_server_s_model_and_version(front: Front) -> None:
    with front.client(key="") as client:
        document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.2.3"
    assert document["components"]["parameters"]["model"]["schema"]["enum"] == ["fruit"]


def test_it_names_all_that_can_be_reached(front: Front) -> None:
    with front.client(key="") as client:
        promised = {
            path.replace("{model}", "fruit").replace("{version}", "2.0")
            for path in client.get("/openapi.json").json()["paths"]
        }
    text = (SOURCES / "locations.conf").read_text()
    reachable = [
        pattern
        for kind, pattern in re.findall(r"^location (=|~) (\S+) \{", text, re.MULTILINE)
        if not pattern.lstrip("^").startswith(("/-/", "/inference"))
    ]
    for pattern in reachable:
        expression = re.compile(re.sub(r"\(\?<", "(?P<", pattern))
        assert any(expression.fullmatch(path) or path == pattern for path in promised) or pattern == "/v2/", pattern


def test_schemathesis_finds_no_answer_that_was_not_promised(front: Front, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{front.port}"
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(f'headers = {{ Authorization = "Bearer {front.key}" }}\n')
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(settings), "run", f"{address}/openapi.json"),
            *("--checks", checks, "--max-examples", str(EXAMPLES), "--seed", "7", "--no-color"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-6000:]
