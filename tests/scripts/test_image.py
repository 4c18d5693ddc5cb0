"""`make image` asked wrongly. What it makes is in tests/image."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunScript, script_environment


@pytest.mark.parametrize(
    ("variables", "said", "hint"),
    [
        ({}, "no key was named", "KEY="),
        ({"KEY": "nowhere"}, "holds no bundle", "make bundle PROFILE=edge"),
        ({"KEY": "nowhere", "BUNDLE": "nowhere.bundle"}, "KEY names does not exist", "ssh-keygen"),
        ({"KEY": "{key}", "BUNDLE": "nowhere.bundle"}, "nowhere.bundle does not exist", "make bundle"),
        ({"KEY": "{key}", "BUNDLE": "x", "SIGNERS": "nowhere"}, "allowed-signers file cannot be read", "SIGNERS="),
    ],
)
def test_wrong_use_ends_with_2_and_what_to_do(
    tmp_path: Path, run_script: RunScript, variables: dict[str, str], said: str, hint: str
) -> None:
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA operator\n")
    (tmp_path / "key").touch()
    given = {name: value.format(key=tmp_path / "key") for name, value in variables.items()}
    done = run_script("image", env=script_environment(tmp_path / "build", PROFILE="edge", **given))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert hint in done.stderr.partition("hint:")[2]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "build/edge/image").exists()
