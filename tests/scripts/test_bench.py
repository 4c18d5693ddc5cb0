"""`make bench`: what it refuses, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import UsageError
from scripts.bench import client_counts
from tests.conftest import RunScript, script_environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--against", "nginx"], "AGAINST=nginx is not known"),
        (["--clients", "1,many"], "CLIENTS=1,many is not a list of numbers"),
        (["--pictures", "nowhere.jpg"], "PICTURES=nowhere.jpg is not a file"),
        (
            ["--pictures", "reference", "--url", "127.0.0.1:8080", "--model", "x"],
            "URL=127.0.0.1:8080 is not an address",
        ),
        (["--pictures", "reference", "--url", "http://127.0.0.1:1"], "which model is to be asked is not known"),
        (["--pictures", "reference"], "make archive PROFILE=onprem"),
    ],
)
def test_wrong_use(arguments: list[str], said: str, run_script: RunScript, tmp_path: Path) -> None:
    refused = run_script("bench", *arguments, env=script_environment(tmp_path, PROFILE="onprem", COLUMNS="300"))
    assert refused.returncode != 0
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_client_counts() -> None:
    assert client_counts("8, 1,8,32") == (1, 8, 32)
    for text in ("", "0", "1,,2", "-1"):
        with pytest.raises(UsageError):
            client_counts(text)
