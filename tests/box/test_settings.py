"""The box's settings, damaged: their copy, and what is put back."""

from __future__ import annotations

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
