"""int8: the recipes, the search for layers to leave in float, and the models that come out."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common.durable import sha256
from common.errors import KitError
from kit import golden
from kit.build import Build
from kit.files import read_json
from kit.model.deprecated import torchscript
from kit.model.export import export
from kit.model.pictures.decoding import decode
from kit.model.precision import sensitivity
from kit.model.source.preprocessing import read
from kit.model.source.resolving import EMBEDDED_PICTURES
from tests.kit.model.networks import BRANCHING, with_outliers
from tests.support_models import Workshop
from torchscript_model import TorchScriptModel


def test_a_model_that_int8_ruins_is_refused_with_the_table_and_nothing_is_written(workshop: Workshop) -> None:
    request = with_outliers(workshop, "ruined")
    with pytest.raises(KitError) as raised:
        export(workshop.profile, request)
    assert "same first answer     33.3% (wanted: 98% in int8)" in raised.value.message
    assert "the best of 4 recipes" in raised.value.message
    assert "PRECISION=fp32" in raised.value.hint
    assert [path for path in workshop.profile.build.folder.rglob("*") if path.is_file()] == []
    assert export(workshop.profile, replace(request, precision="fp32")).report["comparison"]["top1_agreement"] == 1.0


def test_the_layers_that_suffer_are_found_and_left_in_float(workshop: Workshop) -> None:
    report = export(workshop.profile, with_outliers(workshop, "saved")).report
    assert report["quantization"]["layers_in_float"] == ["0", "1", "8"]
    assert report["quantization"]["between_layers"] is False
    assert report["comparison"]["top1_agreement"] == 1.0


def test_a_gate_that_allows_it_lets_a_ruined_model_through(workshop: Workshop) -> None:
    request = replace(with_outliers(workshop, "ruined"), min_agreement="0", max_accuracy_drop="100")
    report = export(workshop.profile, request).report
    assert report["comparison"]["top1_accuracy_drop"] == pytest.approx(66.67, abs=0.01)


def test_a_network_that_cannot_be_followed_is_a_sentence(workshop: Workshop) -> None:
    request = workshop.request(workshop.write_network("branching.py", BRANCHING))
    with pytest.raises(KitError, match=r"torch\.fx cannot follow it") as raised:
        export(workshop.profile, replace(request, precision="int8"))
    assert "PRECISION=fp32" in raised.value.hint


def test_layers_are_ranked_by_the_harm_they_do_and_ties_keep_their_order() -> None:
    harm = {"a": 0.1, "b": 0.7, "c": 0.1, "d": 0.3}
    assert sensitivity.by_harm("abcd", harm) == ["b", "d", "a", "c"]


@pytest.mark.parametrize(("count", "tried"), [(1, []), (2, [1]), (5, [1, 2]), (8, [1, 2, 4]), (53, [4, 7, 14, 26])])
def test_more_and_more_layers_are_left_out_up_to_half(count: int, tried: Sequence[int]) -> None:
    assert [len(kept) for kept in sensitivity.more_and_more(range(count))] == tried  # type: ignore[arg-type]
    assert all(set(few) < set(many) for few, many in pairwise(sensitivity.more_and_more("abcdefgh")))


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64"])
def test_both_engines_models_answer_here_and_are_the_same_bytes_each_time(workshop: Workshop, platform: str) -> None:
    request = replace(workshop.request(), precision="int8", platform=platform)
    report = export(workshop.profile, request).report
    assert report["comparison"]["top1_agreement"] == report["comparison"]["top1_accuracy"] == 1.0
    engine = {"linux_x86_64": "x86", "linux_aarch64": "qnnpack"}[platform]
    model = workshop.profile.build.model("model.pt")
    assert report["quantization"]["engine"] == torchscript.engine_of(model) == engine
    first = sha256(model)
    export(workshop.profile, request)
    assert sha256(model) == first


def test_calibration_pictures_need_no_labels_and_may_be_given(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    for index, picture in enumerate(sorted(workshop.pictures.rglob("*.png"))[:4]):
        picture.with_name(picture.name).rename(tmp_path / "seen" / f"{index}.png")
    request = replace(workshop.request(), precision="int8", calibration=str(tmp_path / "seen"))
    done = export(workshop.profile, request)
    assert done.report["quantization"]["pictures"] == 4
    assert not any("calibrated" in note for note in done.notes)


def test_calibrating_on_the_pictures_compared_is_said(workshop: Workshop) -> None:
    done = export(workshop.profile, replace(workshop.request(), precision="int8"))
    assert any("CALIBRATION=" in note for note in done.notes)


def test_the_embedded_model_is_as_good_in_int8_as_its_card_says(
    embedded_int8: tuple[Build, dict[str, Any]],
) -> None:
    build, report = embedded_int8
    measured = report["comparison"]
    assert measured["top1_agreement"] >= 0.985
    assert measured["top1_accuracy"] >= 0.650
    assert report["quantization"] == {
        "engine": "x86",
        "pictures": 129,
        "observer": "histogram",
        "between_layers": True,
        "biases_corrected": False,
        "layers_in_float": ["fc"],
    }
    assert build.model("model.pt").stat().st_size < 12e6


def test_no_two_classes_of_the_embedded_model_are_tied(embedded_int8: tuple[Build, dict[str, Any]]) -> None:
    model = torchscript.load(embedded_int8[0].model("model.pt"))
    with torch.inference_mode():
        best = model(crops(embedded_int8[0], 24)).topk(5, dim=1).values
    assert (best.diff(dim=1) < 0).all()


@pytest.mark.parametrize("padding", ["padding='same'", "padding='valid'"])
def test_paddings_in_words_and_subclasses_are_quantized(workshop: Workshop, padding: str) -> None:
    text = (workshop.folder / "net.py").read_text()
    made = text.replace("nn.Conv2d(3, 8, 3, stride=2)", f"Own(3, 8, 3, {padding})")
    made = made.replace("class Tiny", "class Own(nn.Conv2d):\n    pass\n\n\nclass Tiny")
    arch = workshop.write_network("worded.py", made)
    workshop.profile.model_config.write_text("handler: {precision: int8}\n")
    report = export(workshop.profile, workshop.request(arch)).report
    assert report["quantization"]["layers_in_float"] == ["head"]
    assert report["comparison"]["top1_agreement"] == 1.0


def test_an_int8_answer_does_not_depend_on_the_batch(embedded_int8: tuple[Build, dict[str, Any]]) -> None:
    model = torchscript.load(embedded_int8[0].model("model.pt"))
    pictures = crops(embedded_int8[0], 8)
    with torch.inference_mode():
        together = model(pictures)
        alone = torch.cat([model(pictures[index : index + 1]) for index in range(8)])
    assert torch.allclose(together, alone, atol=1e-6, rtol=0)


def test_the_golden_pictures_hold_the_original_answers_and_the_int8_ones_are_near(
    embedded_int8: tuple[Build, dict[str, Any]],
) -> None:
    build, _ = embedded_int8
    steps, labels = read(build.preprocessing), list(read_json(build.labels).values())
    model = torchscript.load(build.model("model.pt"))
    for row in golden.load(build.golden, ""):
        with torch.inference_mode():
            found = model(decode(row.picture, steps).unsqueeze(0))[0].tolist()
        ranked = sorted(zip(labels, found, strict=True), key=lambda answer: -answer[1])
        assert row.tolerance == 0.05
        assert row.mismatch(dict(ranked)) == ""
        assert abs(ranked[0][1] - row.expected[row.best]) <= 0.025


def test_the_handler_answers_like_the_kit(embedded_int8: tuple[Build, dict[str, Any]]) -> None:
    pixels = crops(embedded_int8[0], 2)
    torch.backends.quantized.engine = "qnnpack"
    served = TorchScriptModel(embedded_int8[0].model("model.pt"), None).probabilities(
        np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())
    )
    with torch.inference_mode():
        expected = torchscript.load(embedded_int8[0].model("model.pt"))(pixels)
    assert torch.backends.quantized.engine == "x86"
    assert np.allclose(served, expected.numpy(), atol=1e-6)


def crops(build: Build, count: int) -> torch.Tensor:
    """The first validation pictures, uint8 [count, 3, crop, crop]."""
    steps = read(build.preprocessing)
    chosen = sorted(EMBEDDED_PICTURES.rglob("*.jpg"))[:: 215 // count][:count]
    return torch.stack([decode(path, steps) for path in chosen])
