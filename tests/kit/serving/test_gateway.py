from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from common.errors import UsageError
from kit.gateway.planning import Wanted
from kit.profiles import Profile
from kit.serving import gateway
from kit.serving.launch import RunFolder
from kit.serving.lifecycle import ServerPlan
from kit.serving.models import plan
from kit.serving.models.plan import ModelPlan
from kit.serving.preflight import Workers
from kit.serving.settings import DEFAULTS, ServerSettings
from tests.ports import free_port

ARCHIVE = {
    "model_name": "fruit",
    "sha256": "ab" * 32,
    "provenance": {"precision": "int8", "runtime": "torch", "measured": {"pictures": 215, "top1_accuracy": 0.66}},
}


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


def server(
    folder: Path, config: str = "batchSize: 1\njobQueueSize: 64\n", names: Sequence[str] = ("fruit",), **values: str
) -> ServerPlan:
    (folder / "model-config.yaml").write_text(config)
    profile, read = Profile("mine", folder, "a test's"), yaml.safe_load(config)
    needs = Workers(2, 45 << 20)
    models = [
        ModelPlan(profile, ARCHIVE | {"model_name": name}, [], 2, "", 30.0, needs, plan.batch(read), plan.queue(read))
        for name in names
    ]
    return ServerPlan(profile, ServerSettings(DEFAULTS | values), RunFolder(folder), models)


def test_without_a_word_there_is_none(tmp_path: Path) -> None:
    assert gateway.plan(Wanted(), server(tmp_path), 2) is None


def test_a_profile_may_name_one_and_make_s_word_counts_more(tmp_path: Path) -> None:
    profiled, asked = free_port(), free_port()
    planned = server(tmp_path, gateway_address=f"127.0.0.1:{profiled}")
    by_profile = gateway.plan(Wanted(), planned, 2)
    assert by_profile and by_profile.url == f"http://127.0.0.1:{profiled}"
    by_make = gateway.plan(Wanted(address=f"https://127.0.0.1:{asked}"), planned, 2)
    assert by_make and by_make.url == f"https://127.0.0.1:{asked}"
    assert by_make.trust and by_make.trust.is_file()
    assert gateway.plan(Wanted(address="0"), planned, 2) is None


@pytest.mark.parametrize(
    ("config", "in_flight"),
    [
        ("batchSize: 1\njobQueueSize: 64\n", 16),
        ("batchSize: 1\njobQueueSize: 8\n", 8),
        ("batchSize: 32\njobQueueSize: 256\n", 256),
        ("worker: kit\n", 16),
    ],
)
def test_no_more_are_in_flight_than_keep_the_workers_busy(tmp_path: Path, config: str, in_flight: int) -> None:
    planned = gateway.plan(Wanted(address=f"127.0.0.1:{free_port()}"), server(tmp_path, config), 2)
    assert planned and planned.files.conf.in_flight == {"fruit": in_flight}


def test_a_request_is_as_large_here_as_behind_it(tmp_path: Path) -> None:
    wanted = Wanted(address=f"127.0.0.1:{free_port()}")
    small = gateway.plan(wanted, server(tmp_path, max_request_size="1000"), 2)
    usual = gateway.plan(wanted, server(tmp_path), 2)
    assert small and small.files.conf.body_bytes == small.files.settings["body_bytes"] == 1000
    assert usual and usual.files.conf.body_bytes == 6_553_500


def test_a_torchserve_behind_a_socket_file_is_refused(tmp_path: Path) -> None:
    planned = server(tmp_path, inference_address="unix:/run/ts.sock")
    with pytest.raises(UsageError, match="inference_address is a socket file"):
        gateway.plan(Wanted(address="1"), planned, 2)


def test_what_the_page_says_of_the_model(tmp_path: Path) -> None:
    planned = gateway.plan(Wanted(address=f"127.0.0.1:{free_port()}"), server(tmp_path), 2)
    assert planned
    about = planned.files.settings["models"]["fruit"]["about"]
    assert about["precision"] == "int8, for torch"
    assert about["accuracy"] == "66.0% top-1 on 215 pictures"
    assert "as the original" not in about


def test_several_models_have_a_queue_and_words_each(tmp_path: Path) -> None:
    wanted = Wanted(address=f"127.0.0.1:{free_port()}")
    planned = gateway.plan(wanted, server(tmp_path, names=("fruit", "shelf")), 2)
    assert planned
    assert planned.files.conf.in_flight == {"fruit": 16, "shelf": 16}
    assert list(planned.files.settings["models"]) == list(planned.files.golden) == ["fruit", "shelf"]
