"""The box's settings, damaged: their copy, and what is put back."""

from __future__ import annotations

import hashlib
import json

from box.server import boot_choice
from box.state import settings
from tests.box.shop import Box


def test_settings_edited_by_hand_have_a_copy_from_the_next_start_on(box: Box) -> None:
    edited = settings.BoxSettings("http://127.0.0.1:9999", 5)
    box.paths.settings.write_bytes(settings.text(edited))
    boot_choice.recover(box.paths)
    box.paths.settings.write_bytes(b"")
    assert settings.load(box.paths) == edited
    assert "is not JSON" in settings.problem(box.paths)


def test_an_address_that_was_torn_is_not_put_back(box: Box) -> None:
    before = settings.load(box.paths)
    box.paths.address_before.write_bytes(b"http://127.0")
    boot_choice.recover(box.paths)
    assert settings.load(box.paths) == before
    assert not box.paths.address_before.exists()


def test_a_box_json_that_cannot_be_is_replaced_and_that_is_said(box: Box) -> None:
    box.paths.settings.write_text('{"inference_address": 5, "keep": "many"}')
    (change,) = box.ask("provision")["changed"]
    assert "5 is not an address to serve on" in change
    assert settings.problem(box.paths) == settings.copy_problem(box.paths) == ""


def test_whom_to_notify_is_kept_for_the_server_s_user_alone(box: Box) -> None:
    hook = "https://hooks.example/x?token=secret"
    assert box.ask("notify", stdin=json.dumps({"notify": hook}).encode())["changed"] is True
    assert box.ask("notify", stdin=json.dumps({"notify": hook}).encode())["changed"] is False
    assert box.paths.notify.stat().st_mode & 0o777 == 0o640
    told = box.ask("status")
    assert told["notify_sha256"] == hashlib.sha256(hook.encode()).hexdigest()
    assert "secret" not in json.dumps(told)
    for wrong in ("gopher://x", "", 5):
        status, (*_, said) = box.run("notify", stdin=json.dumps({"notify": wrong}).encode())
        assert (status, "notify" in said["error"]) == (2, True)
    assert box.ask("notify", stdin=b'{"notify": "none"}')["changed"] is True
    assert box.ask("status")["notify_sha256"] == ""
