"""What tune refuses before it begins. A whole run is in tests/integration/test_tune.py."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from kit.files import write_json
from kit.profiles import CONFIG
from kit.serving.state import ServedModel, ServerState
from tests.conftest import RunScript, script_environment


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OBJECTIVE": "speed"}, "OBJECTIVE=speed is not one of throughput, latency, memory"),
        ({"SLO_P99_MS": "-5"}, "SLO_P99_MS=-5 must be more than 0"),
        ({"PROFILE": "nowhere"}, "no profile 'nowhere'"),
        ({"PICTURES": "/nowhere"}, "PICTURES=/nowhere holds no picture"),
    ],
)
def test_what_cannot_be_is_wrong_use(
    variables: dict[str, str], said: str, run_script: RunScript, tmp_path: Path
) -> None:
    refused = run_script("tune", env=script_environment(tmp_path) | variables)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_tuned_profile_is_not_tuned_again(run_script: RunScript, tmp_path: Path) -> None:
    folder = tmp_path / "tuned" / "onprem-throughput"
    folder.mkdir(parents=True)
    for file in (CONFIG / "onprem").iterdir():
        (folder / file.name).write_text(file.read_text())
    refused = run_script("tune", env=script_environment(tmp_path, PROFILE=str(folder)))
    assert refused.returncode == 2
    assert "is itself a tuned one" in refused.stderr


def test_a_running_server_is_in_the_way(run_script: RunScript, tmp_path: Path) -> None:
    me = psutil.Process()
    running = ServerState(me.pid, me.create_time(), (ServedModel("net", "1.0", "", 1, 30.0),), "", "", "", "", "")
    write_json(tmp_path / "onprem" / "run" / "server.json", asdict(running))
    refused = run_script("tune", env=script_environment(tmp_path, PROFILE="onprem"))
    assert refused.returncode == 1
    assert "make stop PROFILE=onprem" in refused.stderr
