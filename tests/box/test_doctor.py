"""Each thing that is in the way is found, and comes with its hint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from box import findings
from box.server import service
from box.store import releases
from common.manifest_reading import parse
from tests.box.shop import Box, canonical, make_release


def messages(box: Box) -> dict[str, str]:
    """Message → severity. Every finding has a hint."""
    found = findings.findings(box.paths, service.of(box.paths))
    assert all(finding["hint"] for finding in found)
    return {finding["message"]: finding["severity"] for finding in found}


def test_a_box_before_its_first_release_has_only_that_to_say(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert messages(box) == {"no release was ever confirmed here": "warning"}
    assert box.ask("doctor")["ok"] is True


def test_what_is_wrong_with_a_box(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = make_release("1.0", tmp_path)
    box.take(release)
    releases.switch(box.paths, box.paths.confirmed, release.name)
    box.paths.allowed_signers.write_text("")
    (box.paths.release(release.name) / "net.mar").write_bytes(b"x")
    runtime = box.paths.runtime(str(release.document["runtime"]["id"]))
    runtime.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    found = messages(box)
    assert found == {
        "ssh-keygen is not here: no bundle can be verified": "error",
        "rsync is not here: a workstation cannot send, only `install` works": "warning",
        f"this box trusts no key: {box.paths.allowed_signers} holds none": "error",
        f"{box.paths.current} leads to no release": "error",
        f"net.mar of {release.name} is not what was signed": "error",
        f"the runtime of {release.name}: {runtime} does not exist": "error",
        "the server is stopped": "error",
    }
    assert box.refused("doctor")["findings"]


def test_a_system_whose_python_moved_on(box: Box, tmp_path: Path) -> None:
    release = make_release("1.0", tmp_path)
    box.take(release)
    older = json.loads(release.manifest) | {"python": "3.9"}
    (box.paths.release(release.name) / "manifest.json").write_bytes(canonical(older))
    releases.switch(box.paths, box.paths.confirmed, release.name)
    assert parse(canonical(older)).python == "3.9"
    assert any("is for Python 3.9, and this box has" in message for message in messages(box))
