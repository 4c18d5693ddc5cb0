from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.conftest import RunScript, script_environment
from tests.integration.places import free_addresses


def test_its_document_has_every_profile_and_its_status_says_whether_this_one_can_serve(
    run_script: RunScript, tmp_path: Path
) -> None:
    environment = script_environment(tmp_path, PROFILE="onprem", **free_addresses())
    well = run_script("doctor", "--json", env=environment)
    document = json.loads(well.stdout)
    assert {finding["place"] for finding in document["findings"]} == {"machine", "onprem", "edge", "cloud-gpu"}
    assert set(document["findings"][0]) == {"place", "about", "severity", "message", "hint"}
    own = [finding for finding in document["findings"] if finding["place"] in ("machine", "onprem")]
    assert document["ok"] == all(finding["severity"] != "error" for finding in own)
    assert well.returncode == (0 if document["ok"] else 1)


def test_the_table_names_what_is_in_the_way_and_what_to_do(run_script: RunScript, tmp_path: Path) -> None:
    environment = script_environment(tmp_path, PROFILE="onprem", **free_addresses())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        shown = run_script("doctor", env=environment | {"TS_METRICS_ADDRESS": address})
    assert shown.returncode == 1
    lines = shown.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if f"port {taken_port(address)} (metrics_address)" in line)
    assert lines[at].startswith("error    ports ")
    assert "TS_METRICS_ADDRESS=" in lines[at + 1]
    assert "error" in lines[-1]


def taken_port(address: str) -> str:
    return address.rpartition(":")[2]


def test_a_profile_for_gpus_fails_where_there_is_none(run_script: RunScript, tmp_path: Path) -> None:
    environment = script_environment(tmp_path, PROFILE="cloud-gpu", PATH="/usr/bin:/bin")
    shown = run_script("doctor", env=environment)
    assert shown.returncode == 1
    assert "it is for machines with a GPU" in shown.stdout


def test_an_unknown_profile_is_wrong_use(run_script: RunScript, tmp_path: Path) -> None:
    assert run_script("doctor", env=script_environment(tmp_path, PROFILE="nowhere")).returncode == 2
