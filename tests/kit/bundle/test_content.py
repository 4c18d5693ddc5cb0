import json
import shutil
from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from common.manifest import NAME
from kit.bundle import program
from kit.bundle.documents import content
from kit.bundle.target import BoxTarget
from tests.kit.bundle.conftest import X86, Workstation

ARM = BoxTarget("linux_aarch64", "3.11")


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def quantized_for(workstation: Workstation, engine: str) -> None:
    report = workstation.profile.build.archive_report
    provenance = json.loads(report.read_text())["provenance"]
    rewrite(report, provenance={**provenance, "quantization": {"engine": engine}})


def test_an_archive_without_int8_fits_every_box(workstation: Workstation) -> None:
    for target in (X86, ARM):
        assert content.check_archive(workstation.profile, target)["model_name"] == "tiny"


@pytest.mark.parametrize(("engine", "fits"), [("qnnpack", ARM), ("x86", X86)])
def test_int8_fits_the_processor_that_it_was_made_for(workstation: Workstation, engine: str, fits: BoxTarget) -> None:
    quantized_for(workstation, engine)
    content.check_archive(workstation.profile, fits)
    other = ARM if fits is X86 else X86
    with pytest.raises(KitError, match=f"its int8 runs on torch's {engine} engine") as raised:
        content.check_archive(workstation.profile, other)
    assert raised.value.hint == f"make archive PROFILE={workstation.profile.folder} PLATFORM={other.platform}"


def test_without_an_archive_it_says_what_to_run(workstation: Workstation) -> None:
    workstation.profile.build.archive_report.unlink()
    with pytest.raises(KitError, match=r"archive\.json does not exist") as raised:
        content.check_archive(workstation.profile, X86)
    assert raised.value.hint == f"make archive PROFILE={workstation.profile.folder} PLATFORM=linux_x86_64"


def test_a_damaged_archive_is_refused(workstation: Workstation) -> None:
    workstation.profile.build.archive("tiny").write_bytes(b"half")
    with pytest.raises(KitError, match="is broken"):
        content.check_archive(workstation.profile, X86)


def test_a_profile_changed_after_the_archive_was_made_is_refused(workstation: Workstation) -> None:
    with workstation.profile.model_config.open("a") as file:
        file.write("clientTimeoutInMills: 1\n")
    with pytest.raises(KitError, match=r"was changed after tiny\.mar was made"):
        content.check_archive(workstation.profile, X86)


def test_a_version_that_could_be_no_folder_on_a_box_is_refused(workstation: Workstation) -> None:
    rewrite(workstation.profile.build.archive_report, model_version="1.0/../2")
    with pytest.raises(UsageError, match=r"MODEL_VERSION=1\.0/\.\./2 cannot be part of a release's name"):
        content.check_archive(workstation.profile, X86)


def test_the_small_files_are_the_profiles_own(workstation: Workstation) -> None:
    files = content.small_files(workstation.profile, program.UNITS)
    assert files["config/config.properties"] == ("config", workstation.profile.properties.read_bytes())
    assert files["systemd/vision-serve.service"][0] == "unit"
    assert {role for role, _ in files.values()} == {"config", "golden", "unit"}


def test_golden_pictures_are_named_in_the_manifest_as_they_lie_in_the_release(workstation: Workstation) -> None:
    section = content.golden_section(workstation.profile)
    files = content.small_files(workstation.profile, program.UNITS)
    for row in section["pictures"]:
        assert files[row["file"]][0] == "golden"
        assert sum(row["expected"].values()) <= 1.0 + 1e-6
    assert section["tolerance"] > 0


def test_a_picture_with_a_name_that_no_box_could_have_gets_another(workstation: Workstation) -> None:
    golden = workstation.profile.build.golden
    index = golden / "golden.json"
    document = json.loads(index.read_text())
    shutil.copyfile(golden / document["pictures"][0]["file"], index.with_name("Äpfel (1).png"))
    document["pictures"][0]["file"] = "Äpfel (1).png"
    index.write_text(json.dumps(document))
    files = content.small_files(workstation.profile, program.UNITS)
    assert files["golden/picture-0"][1] == index.with_name("Äpfel (1).png").read_bytes()
    assert all(NAME.fullmatch(step) for path in files for step in path.split("/"))
