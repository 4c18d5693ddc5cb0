"""What people read of a fleet's gateways."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kit.fleet.host.survey import Answer
from kit.fleet.view import tables

NOW, DAY = 1_800_000_000.0, 86400.0
TLS = {"ready": True, "certificate": {"ends": NOW + 100 * DAY}}


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        (None, "–"),
        ({"ready": True, "certificate": None}, "yes"),
        ({"ready": False, "certificate": {"ends": NOW + 100 * DAY}}, "NO"),
        (TLS, "yes, 100 days"),
        (TLS | {"certificate": {"ends": NOW + 12.5 * DAY}}, "12 days left"),
        (TLS | {"certificate": {"ends": NOW - 2 * DAY}}, "-2 days left"),
    ],
)
def test_a_gateway_in_a_word(gateway: dict[str, object] | None, words: str) -> None:
    shown = io.StringIO()
    Console(file=shown, width=40).print(tables.gateway(gateway, NOW))
    assert shown.getvalue().strip() == words


def test_a_box_whose_clients_do_not_reach_it_is_not_well() -> None:
    silent = Answer("b1", {"answers": True, "gateway": {"ready": False, "why_not": "its port is taken"}})
    assert not silent.well
    assert [str(line) for line in tables.troubles(silent)] == ["b1: its gateway is not ready: its port is taken"]
    assert Answer("b1", {"answers": True, "gateway": None}).well
    assert not Answer("b1", {"answers": False, "gateway": None}).well


def test_what_boxes_have_noticed_and_what_only_their_fleet_can_tell() -> None:
    answers = [
        Answer("b1", {"release": "new", "at": NOW + 5, "alerts": {"VisionDrift": "darker, less sure"}}),
        Answer("b2", {"release": "new", "at": NOW - 3600}),
        Answer("b3", {"release": "old", "at": NOW, "alerts": {}}),
        Answer("b4", {"release": "newer", "at": NOW, "on_trial": "newer"}),
        Answer("b5", error="out of reach"),
    ]
    assert list(tables.alerts(answers, NOW)) == [
        "b1: VisionDrift: darker, less sure",
        "b2: VisionClockOff: its clock is 3,600 s behind",
        "b3: VisionWrongRelease: old, where most of its fleet run new",
    ]
    assert list(tables.alerts([Answer("b1", error="out of reach")], NOW)) == []
