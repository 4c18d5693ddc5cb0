"""Which pictures are kept for people to label, and which are not."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import handler_settings
import samples
import shadow
from common import samples as common_samples
from image_classifier import ImageClassifier
from samples import DAY, DOUBTFUL, RANDOM, Samples, SampleSettings
from tests.handlers.handler_worker import LABELS, TinyModel, write_archive
from worker.context import Context
from worker.metrics import Metrics
from worker.protocol import LoadRequest, Request

NOON = 1_796_040_000.0  # 2026-11-30T12:00:00Z
JPEG = b"\xff\xd8\xff"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samples.time.time", lambda: NOON)


def keeping(folder: Path, **settings: int) -> Samples:
    return Samples(SampleSettings(**settings), {common_samples.VARIABLE: str(folder)})


def picture(number: int, size: int = 100) -> bytes:
    return JPEG + f"{number:08}".encode() + bytes(size)


def kept(folder: Path, kind: str) -> list[common_samples.Sample]:
    return [one for one in common_samples.listed(folder) if f"/{kind}/" in one.path]


def test_a_day_has_the_pictures_that_the_model_was_least_sure_of_and_as_many_at_random(tmp_path: Path) -> None:
    made = keeping(tmp_path, pictures_a_day=5)
    sure = np.random.default_rng(1).permutation(1000) / 1000
    for number, confidence in enumerate(sure):
        made.offer(picture(number), "Banana", float(confidence))
    assert sorted(one.confidence for one in kept(tmp_path, DOUBTFUL)) == [0.0, 0.001, 0.002, 0.003, 0.004]
    at_random = [one.confidence for one in kept(tmp_path, RANDOM)]
    assert len(at_random) == 5 and max(at_random) > 0.02
    assert {path.name for path in tmp_path.iterdir()} == {"2026-12-14"}


def test_several_workers_keep_no_more_between_them(tmp_path: Path) -> None:
    workers = [keeping(tmp_path, pictures_a_day=4) for _ in range(3)]
    for number in range(300):
        workers[number % 3].offer(picture(number), "Banana", 1 - number / 300)
    assert len(kept(tmp_path, DOUBTFUL)) == len(kept(tmp_path, RANDOM)) == 4
    assert max(one.confidence for one in kept(tmp_path, DOUBTFUL)) < 0.05


def test_the_next_day_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keeping(tmp_path, pictures_a_day=2, days=3)
    for number in range(9):
        made.offer(picture(number), "Banana", 0.1)
    monkeypatch.setattr("samples.time.time", lambda: NOON + DAY)
    made.offer(picture(10), "Kiwi", 0.9)
    assert {path.name for path in tmp_path.iterdir()} == {"2026-12-03", "2026-12-04"}
    assert [one.label for one in kept(tmp_path, DOUBTFUL)] == ["Banana", "Banana", "Kiwi"]
    common_samples.expire(tmp_path, NOON + 3 * DAY)
    assert len(kept(tmp_path, DOUBTFUL)) == 3
    common_samples.expire(tmp_path, NOON + 4 * DAY)
    assert [one.label for one in kept(tmp_path, DOUBTFUL)] == ["Kiwi"]


def test_what_is_kept_is_for_its_owner_alone_and_the_file_as_it_came(tmp_path: Path) -> None:
    top = tmp_path / "kept"
    keeping(top).offer(picture(1), "Banana", 0.5)
    (sample,) = kept(top, DOUBTFUL)
    assert (top / sample.path).read_bytes() == picture(1)
    modes = {path.stat().st_mode & 0o777 for path in [top, *top.rglob("*")] if path.is_dir()}
    assert modes == {0o700}
    assert (top / sample.path).stat().st_mode & 0o777 == 0o600
    assert (sample.when, sample.ending) == ("20261130T120000Z", ".jpg")


def test_the_bound_in_megabytes_holds_and_the_oldest_day_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keeping(tmp_path, megabytes=1, pictures_a_day=20)
    for number in range(12):
        made.offer(picture(number, 60_000), "old", 0.5)
    monkeypatch.setattr("samples.time.time", lambda: NOON + DAY)
    for number in range(100, 112):
        made.offer(picture(number, 60_000), "new", 0.5)
    found = common_samples.listed(tmp_path)
    assert sum(one.bytes for one in found) <= 1_000_000
    assert {one.label for one in found} == {"new"}
    made.offer(picture(200, 200_000), "large", 0.0)
    assert "large" not in {one.label for one in common_samples.listed(tmp_path)}


def test_the_same_file_again_and_again_is_kept_once(tmp_path: Path) -> None:
    made = keeping(tmp_path)
    for _ in range(50):
        made.offer(picture(1), "Banana", 0.1)
    assert len(kept(tmp_path, DOUBTFUL)) == len(kept(tmp_path, RANDOM)) == 1


def test_a_disk_that_is_nearly_full_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("samples.shutil.disk_usage", lambda _: usage._replace(free=usage.total // 20))
    keeping(tmp_path).offer(picture(1), "Banana", 0.1)
    assert common_samples.listed(tmp_path) == []


@pytest.mark.parametrize(
    "label", ["Oat-Milk", "tench, Tinca tinca", "a/b_c", "Äpfel 50 % rot", ".hidden", "", "x" * 400]
)
def test_any_label_comes_back(tmp_path: Path, label: str) -> None:
    keeping(tmp_path).offer(picture(1), label, 0.1)
    (found,) = kept(tmp_path, DOUBTFUL)
    assert found.label == label[: samples.LONGEST_LABEL] and found.confidence == 0.1


def test_a_long_label_is_cut_between_characters(tmp_path: Path) -> None:
    keeping(tmp_path).offer(picture(1), "Ä" * 100, 0.1)
    (found,) = kept(tmp_path, DOUBTFUL)
    assert set(found.label) == {"Ä"} and len(found.label) >= 19


def test_a_folder_that_cannot_be_written_is_told_once_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.disable(logging.NOTSET)
    (tmp_path / "file").write_text("x")
    made = keeping(tmp_path / "file")
    for number in range(3):
        made.offer(picture(number), "Banana", 0.1)
    assert [one.message for one in caplog.records] == [f"No picture can be kept in {tmp_path / 'file'}: File exists"]


def test_nothing_is_kept_unless_both_the_profile_and_the_server_want_it(tmp_path: Path) -> None:
    Samples(None, {common_samples.VARIABLE: str(tmp_path)}).offer(picture(1), "Banana", 0.1)
    Samples(SampleSettings(), {}).offer(picture(1), "Banana", 0.1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"days": 0}, "sample: days must be a whole number from 1"),
        ({"megabytes": "all"}, "sample: megabytes must be a whole number"),
        ({"size": 3}, "sample: takes pictures_a_day, days, megabytes, not {'size': 3}"),
        (True, "sample: takes pictures_a_day, days, megabytes, not True"),
    ],
)
def test_a_section_that_cannot_be_is_refused_by_name(section: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("{", r"\{")):
        handler_settings.sample({"sample": section})


def test_a_section_has_defaults_and_none_is_off() -> None:
    assert handler_settings.sample({"sample": {}}) == SampleSettings(20, 14, 100)
    assert handler_settings.sample({"sample": {"days": 3}}) == SampleSettings(20, 3, 100)
    assert handler_settings.sample({"sample": None}) is None and handler_settings.sample(None) is None


def test_what_clients_send_is_kept_and_what_watchers_ask_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photograph: Image.Image, encode: Any
) -> None:
    """Nor is it left for a candidate."""
    monkeypatch.setenv(common_samples.VARIABLE, str(tmp_path / "kept"))
    monkeypatch.setenv(shadow.VARIABLE, str(tmp_path / "shadow"))
    (tmp_path / "archive").mkdir()
    folder = write_archive(tmp_path / "archive", TinyModel(), LABELS)
    handler, manifest = ImageClassifier(), json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    left = tmp_path / "shadow" / manifest["model"]["modelName"]
    left.mkdir(parents=True)
    asked_for = {"beside": manifest["model"]["modelVersion"], "share": 1.0}
    left.with_name(f"{left.name}.json").write_text(json.dumps(asked_for))
    metrics = Metrics(handler.measures(folder))
    row = metrics.row(metrics.take_row())
    request = LoadRequest("tiny", str(folder), 8, "", None, "", True)
    context = Context(request, manifest, {"sample": {"pictures_a_day": 3}}, row)
    handler.initialize(context)
    mine, theirs = encode(photograph, "PNG"), encode(photograph.rotate(90), "JPEG")
    batch = [Request(b"1", {"body": bytearray(mine)}, {}), Request(b"2", {"body": bytearray(b"no picture")}, {})]
    batch.append(Request(b"3", {"body": bytearray(theirs)}, {"X-Probe": "1"}))
    context.begin(batch)
    answers = handler.handle([one.row for one in batch], context)
    (sample,) = kept(tmp_path / "kept", DOUBTFUL)
    assert (tmp_path / "kept" / sample.path).read_bytes() == mine and sample.ending == ".png"
    assert sample.label == next(iter(answers[0]))
    assert sample.confidence == pytest.approx(answers[0][sample.label], abs=1e-3)
    (shown,) = left.iterdir()
    head, _, content = shown.read_bytes().partition(b"\n")
    assert (json.loads(head)["label"], content) == (sample.label, mine)
    assert json.loads(head)["seconds"] > 0


def test_few_of_a_day_s_pictures_are_ever_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new lowest of so many comes ever more seldom: an SD card is spared."""
    written: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr(samples, "_write", write)
    made = keeping(tmp_path)
    for number in range(5000):
        made.offer(picture(number), "Banana", ((number * 7919) % 5000) / 5000)
    assert len(written) < 500
