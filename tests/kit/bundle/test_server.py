import re
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UsageError
from kit.bundle.documents import server_section
from kit.profiles import CONFIG, Profile
from kit.serving.launch import RunFolder, here, java_command
from kit.serving.settings import ServerSettings

EDGE = Profile("edge", CONFIG / "edge", "a test's")
# What box/server/command.py puts in.
WORDS = {"java", "java_home", "python", "site_packages", "release", "store", "run", "temp", "logs", "archive"}


def own(folder: Path, properties: str, config: str = "minWorkers: 1\n") -> Profile:
    (folder / "config.properties").write_text(properties)
    (folder / "model-config.yaml").write_text(config)
    return Profile("own", folder, "a test's")


def test_the_box_is_told_the_command_that_serve_uses_here(tmp_path: Path) -> None:
    made = server_section.section(EDGE)
    config = EDGE.properties.read_text()
    vmargs = next(line.removeprefix("vmargs=") for line in config.splitlines() if line.startswith("vmargs="))
    places = replace(here(tmp_path, RunFolder(tmp_path), tmp_path), java_cache="")  # made here, for this Java
    local = java_command(ServerSettings({"vmargs": vmargs}), places, ["m.mar"])
    assert len(made["command"]) == len(local)
    same = [word for word, other in zip(made["command"], local, strict=True) if word == other]
    assert same == [word for word in made["command"] if "{" not in word], "only places may differ"


def test_only_words_that_a_box_knows_stand_in_braces() -> None:
    made = server_section.section(EDGE)
    text = " ".join([*made["command"], *made["environment"].values()])
    assert set(re.findall(r"{(\w+)}", text)) == WORDS
    assert not re.search(r"(^|[ =])/", text), "no path of this machine"


def test_it_says_how_many_workers_to_wait_for_and_how_long_an_answer_may_take() -> None:
    made = server_section.section(EDGE)
    assert (made["workers"], made["response_timeout"]) == (1, 60)


def test_a_profile_may_leave_the_workers_to_the_processors_or_the_gpus_of_a_box() -> None:
    found = {name: server_section.section(Profile(name, CONFIG / name, "a test's")) for name in ("onprem", "cloud-gpu")}
    assert [one["workers"] for one in found.values()] == [0, 0]
    assert {name: one.get("per_gpu", False) for name, one in found.items()} == {"onprem": False, "cloud-gpu": True}


@pytest.mark.parametrize(
    "properties",
    ["", "enable_envvars_config=true\ndisable_token_authorization=true\n", "enable_envvars_config=false\n"],
)
def test_a_profile_that_a_box_could_not_serve_safely_is_refused(tmp_path: Path, properties: str) -> None:
    with pytest.raises(UsageError, match="tokens on"):
        server_section.section(own(tmp_path, properties))
