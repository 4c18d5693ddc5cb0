from pathlib import Path

import pytest

from common.errors import UsageError
from kit import profiles
from kit.machine import Machine
from kit.profiles import Profile

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


@pytest.fixture
def shop(tmp_path: Path) -> Profile:
    (tmp_path / "config.properties").write_text("")
    (tmp_path / "model-config.yaml").write_text("minWorkers: 2\nhandler:\n  threads: 1\n  precision: int8\n")
    return Profile("shop", tmp_path, "a test's")


def test_models_differ_in_what_models_yaml_says(shop: Profile) -> None:
    (shop.folder / "models.yaml").write_text("shelf:\n  minWorkers: 1\nproduce:\n  handler: {precision: fp32}\n")
    shelf, produce = shop.models()
    assert (shelf.model, produce.model) == ("shelf", "produce")
    assert shelf.read_model_config() == {"minWorkers": 1, "handler": {"threads": 1, "precision": "int8"}}
    assert produce.read_model_config() == {"minWorkers": 2, "handler": {"threads": 1, "precision": "fp32"}}
    assert shelf.build.folder == shop.build.folder / "models" / "shelf"
    assert shelf.server_build == shop.build
    assert shop.of_model("shelf") == shelf
    assert shelf.models() == [shelf]


def test_without_models_yaml_there_is_one(shop: Profile) -> None:
    assert shop.models() == [shop] == [shop.of_model("anything")]


def test_which_of_several_has_to_be_said(shop: Profile) -> None:
    (shop.folder / "models.yaml").write_text("shelf:\nproduce:\n")
    with pytest.raises(UsageError, match="several models: shelf, produce") as caught:
        shop.of_model("")
    assert caught.value.hint == "name one: MODEL_NAME=shelf"
    with pytest.raises(UsageError, match="MODEL=wine is none of its models: shelf, produce"):
        shop.of_model("wine", "MODEL")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "must hold a mapping"),
        ("- shelf", "must hold a mapping"),
        ("{}", "lists no model"),
        ("shelf: 7", "`shelf:` must hold settings"),
        ("../shelf:", "not a name that TorchServe takes"),
        ("7:", "not a name that TorchServe takes"),
        ("shelf: [", "is not YAML"),
        ("shelf:\nShelf:\n", "differ in nothing but their case"),
    ],
)
def test_what_models_yaml_cannot_mean_is_refused(shop: Profile, text: str, word: str) -> None:
    (shop.folder / "models.yaml").write_text(text)
    with pytest.raises(UsageError, match=word):
        shop.models()
