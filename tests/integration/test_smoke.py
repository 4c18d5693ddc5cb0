"""`make smoke` against a real server: all of it passes, and the server is as before, also after a signal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from kit.build import PROJECT
from kit.smoke.run import CHECKS, LEFT_AS_FOUND
from tests.conftest import RunScript
from tests.integration.conftest import Server

MODEL_STORE_NEEDED = {"register", "switch default", "switch back", "unregister"}
VOLATILE = ("loadedAtStartup", "workers", "jobQueueStatus")


def footprint(server: Server) -> dict[str, Any]:
    """What a user would notice: versions and workers, and the files in the store and in TEMP."""
    with server.management() as http:
        name = server.state.models[0].name
        versions = http.get(f"/models/{name}/all").json()
        return {
            "default": http.get(f"/models/{name}").json()[0]["modelVersion"],
            "versions": [{key: row[key] for key in row if key not in VOLATILE} for row in versions],
            "workers": [[worker["status"] for worker in row["workers"]] for row in versions],
            "store": sorted(path.name for path in server.run.model_store.iterdir()),
            "temp": sorted(path.name for path in (Path(server.state.temp) / "models").iterdir()),
        }


def remote(server: Server) -> dict[str, str]:
    """The same server, as somebody names it who has not started it."""
    return {
        "URL": server.state.inference,
        "GOLDEN": str(server.build.golden),
        "HEADER_FILE": str(server.run.inference_header),
    }


def test_all_checks_pass_and_nothing_is_left(server: Server, run_script: RunScript, tmp_path: Path) -> None:
    before = footprint(server)
    junit = tmp_path / "smoke.xml"
    ran = run_script("smoke", "--junit", str(junit), env=server.environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    *lines, summary = ran.stdout.splitlines()
    assert [line[:2] for line in lines] == ["✓ "] * (len(CHECKS) + 1)
    assert summary.endswith(f"{len(lines)} passed, 0 failed")
    assert {case.attrib["name"] for case in ET.parse(junit).iter("testcase")} == {*CHECKS, LEFT_AS_FOUND}  # noqa: S314
    assert footprint(server) == before


def test_another_machines_server_by_its_addresses(server: Server, run_script: RunScript) -> None:
    environment = server.environment | remote(server)
    environment |= {
        "MANAGEMENT_URL": server.state.management,
        "METRICS_URL": server.state.metrics,
        "GRPC": server.state.grpc,
        "MANAGEMENT_HEADER_FILE": str(server.run.management_header),
    }
    ran = run_script("smoke", "--json", env=environment)
    assert ran.returncode == 0, ran.stderr
    outcomes = {check["name"]: check["outcome"] for check in json.loads(ran.stdout)["checks"]}
    assert {name for name, outcome in outcomes.items() if outcome == "not checked"} == MODEL_STORE_NEEDED
    assert set(outcomes.values()) == {"passed", "not checked"}


def test_a_url_alone(server: Server, run_script: RunScript) -> None:
    ran = run_script("smoke", "--json", env=server.environment | remote(server))
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    details = {check["name"]: check["detail"] for check in document["checks"] if check["outcome"] == "not checked"}
    assert details["describe"] == "MANAGEMENT_URL not given"
    assert details["metrics"] == "METRICS_URL not given"
    assert details["gRPC predict"] == "GRPC not given"
    assert document["counts"]["passed"] == len(CHECKS) + 1 - len(details)
    assert document["ok"] is True


def test_the_wrong_golden_pictures_fail_it(server: Server, run_script: RunScript, tmp_path: Path) -> None:
    index = json.loads((server.build.golden / "golden.json").read_text())
    for row in index["pictures"]:
        row["expected"] = {"Rhubarb": 0.99}
        (tmp_path / row["file"]).write_bytes((server.build.golden / row["file"]).read_bytes())
    (tmp_path / "golden.json").write_text(json.dumps(index))
    before = footprint(server)
    ran = run_script("smoke", env=server.environment | {"GOLDEN": str(tmp_path)})
    assert ran.returncode == 1
    assert "expected Rhubarb first" in ran.stdout
    assert footprint(server) == before


def test_without_its_token_it_fails(server: Server, run_script: RunScript) -> None:
    environment = server.environment | remote(server)
    del environment["HEADER_FILE"]
    ran = run_script("smoke", env=environment)
    assert ran.returncode == 1
    assert "✗ health" in ran.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_second_version_is_there(server: Server, number: signal.Signals) -> None:
    before = footprint(server)
    command = [sys.executable, "-m", "scripts.smoke"]
    with subprocess.Popen(command, cwd=PROJECT, env=server.environment, stdout=subprocess.PIPE, text=True) as smoke:
        wait_for_second_version(server, smoke)
        smoke.send_signal(number)
        said, _ = smoke.communicate(timeout=120)
    assert smoke.returncode == 128 + number
    assert f"✓ {LEFT_AS_FOUND}" in said
    assert footprint(server) == before


def wait_for_second_version(server: Server, smoke: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    with server.management() as http:
        while len(http.get(f"/models/{server.state.models[0].name}/all").json()) < 2:
            assert smoke.poll() is None, "it ended before it registered a second version"
            assert time.monotonic() < deadline
            time.sleep(0.02)
