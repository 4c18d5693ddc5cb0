import platform
from pathlib import Path

import pytest

from common.errors import UsageError
from kit import machine, profiles
from kit.gpus import Gpus
from kit.machine import Machine
from kit.model.precision import precisions
from kit.profiles import Profile

HERE = f"linux_{platform.machine()}"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """For a machine without a GPU, whose processor has no instructions worth naming."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t: fpu sse2\n")
    monkeypatch.setattr(precisions, "CPUINFO", cpuinfo)
    monkeypatch.setattr(machine, "usable", Gpus)
    made = Profile("mine", tmp_path, "")
    made.model_config.write_text("handler: {precision: int8}\n")
    return made


def test_the_profile_decides_unless_the_user_does(profile: Profile) -> None:
    assert (precisions.of(profile).name, precisions.of(profile).reason) == ("int8", "the profile mine's")
    asked = precisions.of(profile, "bf16")
    assert (asked.name, asked.reason, asked.engine) == ("bf16", "asked for with PRECISION", "")


@pytest.mark.parametrize(("target", "engine"), [("linux_x86_64", "x86"), ("linux_aarch64", "qnnpack")])
def test_the_engine_is_the_platforms(profile: Profile, target: str, engine: str) -> None:
    assert precisions.of(profile, "", target).engine == engine


def test_what_is_slow_here_is_done_with_a_note_and_elsewhere_without(profile: Profile) -> None:
    other = "linux_aarch64" if HERE == "linux_x86_64" else "linux_x86_64"
    assert "no bfloat16 instructions" in precisions.of(profile, "bf16").note
    assert precisions.of(profile, "bf16", other).note == ""
    profile.model_config.write_text("deviceType: gpu\nhandler: {precision: fp16}\n")
    assert precisions.of(profile).note == ""


@pytest.mark.parametrize("where", ["profile", "variable"])
def test_auto_can_be_asked_for_in_both_places(profile: Profile, where: str) -> None:
    if where == "profile":
        profile.model_config.write_text("handler: {precision: auto}\n")
    chosen = precisions.of(profile, "auto" if where == "variable" else "")
    assert chosen.asked == "auto"
    assert chosen.name == ("fp32" if HERE == "linux_x86_64" else "int8")


def test_int8_on_a_gpu_is_wrong_use(profile: Profile) -> None:
    profile.model_config.write_text("deviceType: gpu\n")
    with pytest.raises(UsageError, match="int8 models run on processors") as raised:
        precisions.of(profile, "int8")
    assert "PRECISION=fp16" in raised.value.hint


def test_an_unknown_precision_names_the_known_ones(profile: Profile) -> None:
    with pytest.raises(UsageError, match="PRECISION=int4 is not one of fp32, bf16, fp16, int8, auto"):
        precisions.of(profile, "int4")


@pytest.mark.parametrize(("name", "wanted"), [("edge", "int8"), ("onprem", "int8"), ("cloud-gpu", "fp16")])
def test_the_kits_profiles_name_their_defaults(name: str, wanted: str) -> None:
    found = profiles.choose(name, Machine("x86_64", 2, 1 << 33, 1 << 33, ()))
    assert precisions.asked_for(found, "") == wanted
