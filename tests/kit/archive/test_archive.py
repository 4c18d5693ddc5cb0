import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from common.durable import sha256
from common.errors import KitError, UsageError
from kit.archive import packing
from kit.archive.check import check
from kit.archive.making import archive
from kit.archive.parts import Parts, collect
from kit.model.export import export
from tests.support_models import Workshop

CONTENT = ("MAR-INF/MANIFEST.json", "model.pt", "index_to_name.json", "preprocessing.json", "model-config.yaml")


@pytest.fixture
def exported(workshop: Workshop) -> Workshop:
    export(workshop.profile, workshop.request(model_name="tiny"))
    return workshop


def test_everything_is_in_the_archive_and_the_report(exported: Workshop) -> None:
    report = archive(exported.profile, "", "2.1")
    made = exported.profile.build.archive("tiny")
    assert report["sha256"] == sha256(made)
    assert report["size"] == made.stat().st_size
    assert json.loads(exported.profile.build.archive_report.read_text()) == report
    with zipfile.ZipFile(made) as opened:
        assert {*CONTENT, "provenance.json", "image_classifier.py"} <= set(opened.namelist())
        manifest = json.loads(opened.read("MAR-INF/MANIFEST.json"))
        assert manifest["model"]["modelName"] == "tiny"
        assert manifest["model"]["modelVersion"] == "2.1"
        assert yaml.safe_load(opened.read("model-config.yaml"))["handler"] == {"precision": "fp32"}
        assert json.loads(opened.read("provenance.json")) == report["provenance"]
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}


def test_the_provenance_names_weights_versions_and_measurements(exported: Workshop) -> None:
    provenance = archive(exported.profile, "", "1.0")["provenance"]
    assert provenance["weights"]["sha256"] == sha256(exported.weights)
    assert set(provenance["versions"]) == {"kit", "torch", "torchvision"}
    assert provenance["measured"]["top1_accuracy"] == provenance["measured"]["top1_agreement"] == 1.0
    assert (provenance["profile"], provenance["precision"]) == ("bench", "fp32")
    assert provenance["architecture"] == "net.py:make"


def test_without_an_export_it_says_what_to_run(workshop: Workshop) -> None:
    with pytest.raises(KitError) as raised:
        archive(workshop.profile, "", "1.0")
    assert raised.value.message == "build/bench/export.json does not exist"
    assert raised.value.hint == f"make export PROFILE={workshop.profile.folder}"


def test_a_model_that_is_not_the_exported_one_is_refused(exported: Workshop) -> None:
    exported.profile.build.model("model.pt").write_bytes(b"another")
    with pytest.raises(KitError, match="is not the one that was exported"):
        archive(exported.profile, "", "1.0")


def test_a_precision_changed_since_the_export_is_refused(exported: Workshop) -> None:
    exported.profile.model_config.write_text("handler: {precision: fp16}\n")
    with pytest.raises(KitError, match="exported with precision fp32, the profile now asks for fp16"):
        archive(exported.profile, "", "1.0")


def test_a_precision_asked_for_goes_through_to_the_archive(workshop: Workshop) -> None:
    workshop.profile.model_config.write_text(
        "minWorkers: 1\nhandler:\n  # Why.\n  topk: 3\n  # For ever.\n  precision: fp32\n"
    )
    export(workshop.profile, replace(workshop.request(model_name="tiny"), precision="int8"))
    provenance = archive(workshop.profile, "", "1.0", precision="int8")["provenance"]
    assert provenance["precision"] == "int8"
    assert provenance["quantization"]["layers_in_float"] == ["head"]
    with zipfile.ZipFile(workshop.profile.build.archive("tiny")) as opened:
        config = opened.read("model-config.yaml").decode()
    assert yaml.safe_load(config) == {"minWorkers": 1, "handler": {"topk": 3, "precision": "int8"}}
    assert "  # Why.\n" in config
    assert "  precision: int8  # asked for; the profile says fp32\n" in config


@pytest.mark.parametrize(("asked", "refused"), [("fp16", False), ("", True), ("bf16", True)])
def test_an_archive_of_another_precision_than_asked_for_is_refused(
    workshop: Workshop, asked: str, refused: bool
) -> None:
    export(workshop.profile, replace(workshop.request(), precision="fp16"))
    if not refused:
        assert archive(workshop.profile, "", "1.0", precision=asked)["provenance"]["precision"] == "fp16"
        return
    with pytest.raises(KitError, match=f"was exported with precision fp16, .* asks for {asked or 'fp32'}") as raised:
        archive(workshop.profile, "", "1.0", precision=asked)
    assert raised.value.hint.endswith("or keep it: PRECISION=fp16")


def test_auto_is_archived_as_what_it_came_to(workshop: Workshop) -> None:
    workshop.profile.model_config.write_text("handler: {precision: auto}\n")
    done = export(workshop.profile, workshop.request(model_name="tiny"))
    archive(workshop.profile, "", "1.0")
    with zipfile.ZipFile(workshop.profile.build.archive("tiny")) as opened:
        config = yaml.safe_load(opened.read("model-config.yaml"))
    assert config == {"handler": {"precision": done.report["precision"]}}


def test_another_name_than_the_exported_one_is_wrong_use(exported: Workshop) -> None:
    with pytest.raises(UsageError, match="what was exported is called tiny"):
        archive(exported.profile, "other", "1.0")


def test_a_handler_that_does_not_compile_leaves_the_earlier_archive(exported: Workshop, tmp_path: Path) -> None:
    archive(exported.profile, "", "1.0")
    before = sha256(exported.profile.build.archive("tiny"))
    handlers = tmp_path / "handlers"
    handlers.mkdir()
    (handlers / "image_classifier.py").write_text("def handle(:\n")
    with pytest.raises(KitError, match="SyntaxError"):
        archive(exported.profile, "", "1.1", handlers)
    assert sha256(exported.profile.build.archive("tiny")) == before
    assert [path for path in exported.profile.build.folder.iterdir() if path.name.startswith(".")] == []


def test_a_golden_picture_answered_otherwise_is_refused(exported: Workshop) -> None:
    index = exported.profile.build.golden / "golden.json"
    listed = json.loads(index.read_text())
    listed["pictures"][0]["expected"] = {"green" if "blue" in listed["pictures"][0]["file"] else "blue": 0.99}
    index.write_text(json.dumps(listed))
    with pytest.raises(KitError, match=r"was not written: .*expected"):
        archive(exported.profile, "", "1.0")
    assert not exported.profile.build.archive("tiny").exists()


@pytest.mark.parametrize("damage", ["changed", "missing", "renamed", "no zip"])
def test_a_damaged_archive_is_noticed(exported: Workshop, tmp_path: Path, damage: str) -> None:
    archive(exported.profile, "", "1.0")
    good, bad = exported.profile.build.archive("tiny"), tmp_path / "bad.mar"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        provenance = tmp_path / "provenance.json"
        provenance.write_bytes(source.read("provenance.json"))
        for name in source.namelist():
            content = source.read(name)
            if name == "index_to_name.json" and damage == "changed":
                content = content.replace(b"red", b"Red")
            if name != "image_classifier.py" or damage != "missing":
                target.writestr(name, content)
    if damage == "no zip":
        bad.write_bytes(b"PK nothing")
    handlers = Path(__file__).parents[3] / "handlers"
    parts = collect(exported.profile.build, "model.pt", exported.profile.model_config, handlers, provenance)
    said = json.loads(provenance.read_bytes()) | {"model_name": "other" if damage == "renamed" else "tiny"}
    with pytest.raises(KitError, match="the archive is not right"):
        check(bad, parts, said, exported.profile.build.golden)


def test_a_folder_without_the_entry_handler_is_refused(exported: Workshop, tmp_path: Path) -> None:
    handlers = tmp_path / "handlers"
    handlers.mkdir()
    with pytest.raises(KitError, match=r"image_classifier\.py does not exist"):
        collect(
            exported.profile.build, "model.pt", exported.profile.model_config, handlers, tmp_path / "provenance.json"
        )


def test_the_archivers_arguments_name_files_without_folders(tmp_path: Path) -> None:
    parts = Parts(
        {name: Path("/a,b[1]") / name for name in ("model.pt", "x.py", "image_classifier.py", "y.json")}, "model.pt"
    )
    made = packing.arguments(parts, "m", "1.0", tmp_path)
    assert made[made.index("--extra-files") + 1] == "x.py,y.json"
    assert not any("a,b" in argument for argument in made)


def test_the_manifest_keeps_its_key_and_loses_its_day() -> None:
    written = json.loads(packing.undated({"createdOn": "23/11/2026 06:00:00", "runtime": "python"}))
    assert written == {"createdOn": "01/01/1980 00:00:00", "runtime": "python"}
