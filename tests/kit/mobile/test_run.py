"""`make mobile` from the inside: what it leaves when all is well, and when it is not."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from common.errors import KitError
from kit.mobile.formats import runtimes
from kit.mobile.formats.choice import FORMATS, PhoneTarget, targets
from kit.mobile.formats.signature import Loaded
from kit.mobile.run import Finished, mobile
from tests.support_models import Workshop, make_workshop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make_workshop(tmp_path_factory.mktemp("mobile") / "workshop")


@pytest.fixture(scope="module")
def finished(shop: Workshop) -> Finished:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUILD", str(shop.folder.parent / "build"))
        return mobile(shop.request(model_name="tiny"), targets("ptl", ""), repeats=2)


def test_each_folder_is_all_that_an_app_needs(finished: Finished, shop: Workshop) -> None:
    assert finished.folder == shop.folder.parent / "build" / "mobile"
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "comparison.json",
        "comparison.png",
        "tiny-ptl-fp32",
        "tiny-ptl-int8",
    ]
    folder = finished.folder / "tiny-ptl-int8"
    assert {path.name for path in folder.iterdir()} == {
        *("tiny-pixels.ptl", "tiny-floats.ptl", "index_to_name.json", "preprocessing.json"),
        *("card.json", "CARD.md", "SHA256SUMS", "TorchModule.h", "TorchModule.mm"),
        *(f"ClassifierFrom{name}.{language}" for name in ("Pixels", "Floats") for language in ("kt", "swift")),
    }
    lines = [line.partition("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, _, name in lines}
    assert len(listed) == len(list(folder.iterdir())) - 1
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert json.loads((folder / "index_to_name.json").read_text()) == {"0": "blue", "1": "green", "2": "red"}
    assert json.loads((folder / "preprocessing.json").read_text())["mean"] == [0.5, 0.4, 0.3]


def test_the_card_says_what_was_measured(finished: Finished) -> None:
    folder = finished.folder / "tiny-ptl-fp32"
    card = json.loads((folder / "card.json").read_text())
    page = (folder / "CARD.md").read_text()
    for file, row in zip(card["files"], finished.report["files"][:2], strict=True):
        path = folder / file["file"]
        assert (file["size"], file["sha256"]) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        assert file["comparison"]["top1_accuracy"] == row["accuracy"] == 1.0
        assert file["host_latency_ms"]["median"] == row["latency"]["median"] > 0
        assert len(file["host_latency_ms"]["repeats"]) == 2
        assert f"| `{file['file']}` | {file['input']['dtype']} {file['input']['shape']} | 100.0% | 100.0% |" in page
        assert f"{file['host_latency_ms']['median']:.1f} ms |" in page
        assert all((folder / name).is_file() for name in file["snippets"])
    assert (card["format"], card["precision"], card["classes"], card["quantization"]) == ("ptl", "fp32", 3, None)
    assert "optimize_for_mobile" in page
    assert str(finished.folder) not in page + json.dumps(card)


def test_the_comparison_is_a_picture_too(finished: Finished) -> None:
    assert json.loads((finished.folder / "comparison.json").read_text()) == finished.report
    rows = [(row["precision"], row["input"], row["agreement"]) for row in finished.report["files"]]
    assert rows == [(name, given, 1.0) for name in ("fp32", "int8") for given in ("pixels", "floats")]
    with Image.open(finished.folder / "comparison.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_pictures_without_labels_give_agreement_and_no_accuracy(workshop: Workshop) -> None:
    for path in list(workshop.pictures.rglob("*.png")):
        path.rename(workshop.pictures / path.name)
    done = mobile(workshop.request(model_name="tiny"), targets("ptl", "fp32"), repeats=1)
    assert [(row["accuracy"], row["agreement"]) for row in done.report["files"]] == [(None, 1.0)] * 2
    assert "| not measured | 100.0% |" in (done.folder / "tiny-ptl-fp32" / "CARD.md").read_text()


def test_one_bad_file_and_nothing_is_written(
    finished: Finished, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in finished.folder.rglob("*") if path.is_file()}

    def of_the_last_file(path: Path, precision: str, threads: int = 0) -> Loaded:
        found = load(path, precision, threads)
        return found if "int8" not in str(path) else Loaded(lambda picture: found.run(picture).flip(1))

    load = runtimes.load
    monkeypatch.setenv("BUILD", str(shop.folder.parent / "build"))
    monkeypatch.setattr(runtimes, "load", of_the_last_file)
    with pytest.raises(KitError) as refused:
        mobile(shop.request(model_name="tiny"), targets("ptl", ""), repeats=1)
    assert "nothing was written" in refused.value.message
    assert "33.3% (wanted: 98% in int8)" in refused.value.message
    assert {path: path.read_bytes() for path in finished.folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in finished.folder.parent.iterdir()] == ["mobile"]


def test_a_missing_runtime_is_named_before_any_work(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(KitError) as refused:
        mobile(workshop.request(), [PhoneTarget(FORMATS["pte"], "fp32")], repeats=1)
    assert refused.value.message == "ExecuTorch needs executorch and torchao, and this Python has no such package"
    assert "make mobile, which sets up .venv-mobile" in refused.value.hint
