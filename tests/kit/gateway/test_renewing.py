"""A running gateway that is given other settings, and does not come to serve by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from common.errors import KitError
from common.gateway import address, nginx_files
from kit.gateway import nginx, proving
from kit.gateway.planning import GatewayPlan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayPlan:
    """Of a gateway that listens nowhere. What would be written are two words."""

    def write(folder: Path, files: Any) -> None:
        for name in nginx_files.SETTINGS:
            (folder / name).write_text("new")

    for name in nginx_files.SETTINGS:
        (tmp_path / name).write_text("old")
    monkeypatch.setattr(nginx_files, "write", write)
    monkeypatch.setattr(proving, "START_SECONDS", 0.2)
    where = address.parse("127.0.0.1:9")
    assert where
    return GatewayPlan(where, tmp_path, None, None)  # type: ignore[arg-type]


def settings(plan: GatewayPlan) -> set[str]:
    return {(plan.folder / name).read_text() for name in nginx_files.SETTINGS}


def test_it_goes_back_to_its_old_ones(plan: GatewayPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    monkeypatch.setattr(nginx, "reload", lambda folder, process: seen.append(settings(plan)))
    with pytest.raises(KitError, match="the gateway does not serve shelf, wine"):
        proving.renew(plan, psutil.Process(), ["shelf", "wine"])
    assert seen == [{"new"}, {"old"}]
    assert settings(plan) == {"old"}


def test_settings_that_nginx_does_not_take_are_why(plan: GatewayPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path, process: psutil.Process) -> None:
        raise KitError("nginx does not take its new settings")

    monkeypatch.setattr(nginx, "reload", refuse)
    with pytest.raises(KitError, match="nginx does not take"):
        proving.renew(plan, psutil.Process(), ["shelf"])
    assert settings(plan) == {"old"}
