"""model-config.yaml on its way into an archive."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from common.errors import UsageError
from kit.archive import model_config
from kit.profiles import CONFIG, Profile


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("handler: {thread: 1}", "handler: does not know thread"),
        ("handler: {topk: 0}", "handler: topk must be a whole number"),
        ("sample: {days: 0}", "sample: days must be a whole number"),
        ("sample: all", "sample: takes pictures_a_day, days, megabytes"),
    ],
)
def test_settings_that_no_worker_would_take_are_refused_by_file_and_name(
    tmp_path: Path, written: str, words: str
) -> None:
    shutil.copytree(CONFIG / "onprem", tmp_path / "mine")
    profile = Profile("mine", tmp_path / "mine", "a test's")
    profile.model_config.write_text(f"{written}\n")
    with pytest.raises(UsageError) as raised:
        model_config.text(profile, "int8", "torch")
    assert raised.value.message.startswith(f"{profile.model_config}: {words}")


def test_a_sample_travels_as_it_is_written(tmp_path: Path) -> None:
    shutil.copytree(CONFIG / "onprem", tmp_path / "mine")
    profile = Profile("mine", tmp_path / "mine", "a test's")
    with profile.model_config.open("a") as file:
        file.write("\nsample:\n  days: 3  # a shop's own rule\n")
    assert "  days: 3  # a shop's own rule" in model_config.text(profile, "int8", "torch")
