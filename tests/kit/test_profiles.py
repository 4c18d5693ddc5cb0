from pathlib import Path

import pytest

from common.errors import UsageError
from kit import profiles
from kit.machine import Machine

GB = 1 << 30


@pytest.mark.parametrize(
    ("machine", "name", "word"),
    [
        (Machine("x86_64", 2, 24 * GB, 20 * GB, ()), "onprem", "2 cores, 24 GB"),
        (Machine("aarch64", 4, 4 * GB, 3 * GB, ()), "edge", "small ARM box"),
        (Machine("aarch64", 64, 128 * GB, 100 * GB, ()), "onprem", "64 cores"),
        (Machine("x86_64", 8, 64 * GB, 60 * GB, ("NVIDIA L4",)), "cloud-gpu", "NVIDIA L4"),
    ],
)
def test_the_default_suits_the_machine_and_says_why(machine: Machine, name: str, word: str) -> None:
    chosen = profiles.choose("", machine)
    assert chosen.name == name
    assert word in chosen.reason


def test_a_profile_by_name_and_by_folder(tmp_path: Path) -> None:
    machine = Machine("x86_64", 2, GB, GB, ())
    assert profiles.choose("edge", machine).folder == profiles.CONFIG / "edge"
    mine = tmp_path / "shop-7"
    mine.mkdir()
    for file in (profiles.PROPERTIES, profiles.MODEL_CONFIG):
        (mine / file).write_text((profiles.CONFIG / "edge" / file).read_text())
    chosen = profiles.choose(str(mine), machine)
    assert (chosen.name, chosen.folder) == ("shop-7", mine)
    assert chosen.read_model_config()["minWorkers"] == 1


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no profile 'egde'") as caught:
        profiles.choose("egde", Machine("x86_64", 2, GB, GB, ()))
    assert "cloud-gpu, edge, onprem" in caught.value.hint


@pytest.mark.parametrize(("text", "word"), [("a: [", "not YAML"), ("- a\n- b\n", "mapping")])
def test_a_broken_model_config_is_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / profiles.PROPERTIES).touch()
    (tmp_path / profiles.MODEL_CONFIG).write_text(text)
    chosen = profiles.choose(str(tmp_path), Machine("x86_64", 2, GB, GB, ()))
    with pytest.raises(UsageError, match=word):
        chosen.read_model_config()
