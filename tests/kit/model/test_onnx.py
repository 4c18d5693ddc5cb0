"""The road by ONNX Runtime: what is exported, quantized and refused."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import kit.handlers  # noqa: F401
from common.durable import sha256
from common.errors import KitError, UsageError
from kit import golden
from kit.build import PROJECT, Build
from kit.files import read_json
from kit.model import runtimes
from kit.model.export import export
from kit.model.onnx import running
from kit.model.pictures.decoding import decode
from kit.model.precision import precisions
from kit.model.servable import example
from kit.model.source.preprocessing import read
from kit.model.source.request import Request
from model_file import load
from tests.kit.model.networks import BRANCHING, with_outliers
from tests.support_models import Workshop, make_workshop


def asked(request: Request, precision: str = "fp32") -> Request:
    return replace(request, runtime="onnx", precision=precision)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, dict[str, Any]]:
    """The embedded model in int8: its build folder and the export's report."""
    folder = tmp_path_factory.mktemp("onnx")
    profile = make_workshop(folder / "workshop", "int8").profile
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUILD", str(folder / "build"))
        return profile.build, export(profile, asked(Request(), "int8")).report


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_it_is_the_same_bytes_each_time_and_no_path_of_this_machine_is_in_it(
    workshop: Workshop, precision: str
) -> None:
    model = workshop.profile.build.model("model.onnx")
    hashes = set()
    for _ in range(2):
        report = export(workshop.profile, asked(workshop.request(), precision)).report
        hashes.add(sha256(model))
    assert len(hashes) == 1
    assert report["model"] == {"file": "model.onnx", "size": model.stat().st_size, "sha256": sha256(model)}
    assert report["comparison"]["top1_agreement"] == 1.0
    assert (report["runtime"], report["runtime_asked"]) == ("onnx", "onnx")
    assert set(report["versions"]) == {"kit", "torch", "torchvision", "onnxruntime"}
    assert not [word for word in (str(PROJECT), str(workshop.folder), "net.py") if word.encode() in model.read_bytes()]


def test_an_export_for_the_other_runtime_takes_the_place_of_the_first(workshop: Workshop) -> None:
    build = workshop.profile.build
    export(workshop.profile, workshop.request())
    export(workshop.profile, asked(workshop.request()))
    assert (build.model("model.pt").exists(), build.model("model.onnx").exists()) == (False, True)


def test_the_embedded_model_is_as_good_as_by_torch(embedded: tuple[Build, dict[str, Any]]) -> None:
    build, report = embedded
    assert report["comparison"]["top1_agreement"] >= 0.985
    assert report["comparison"]["top1_accuracy"] >= 0.650
    assert report["quantization"] == {
        "engine": "onnxruntime",
        "pictures": 129,
        "observer": "min-max",
        "between_layers": True,
        "biases_corrected": False,
        "layers_in_float": ["fc"],
    }
    assert build.model("model.onnx").stat().st_size < 12e6


def test_the_handler_answers_as_the_export_did_alone_and_in_any_batch(embedded: tuple[Build, dict[str, Any]]) -> None:
    build, _ = embedded
    steps, labels = read(build.preprocessing), list(read_json(build.labels).values())
    model = load(build.model("model.onnx"), None)
    assert model.start(2, steps.crop, 4) == len(labels)
    assert model.threads == 2
    rows = list(golden.load(build.golden, ""))
    pixels = torch.stack([decode(row.picture, steps) for row in rows]).permute(0, 2, 3, 1).contiguous().numpy()
    together = model.probabilities(pixels)
    for index, row in enumerate(rows):
        alone = model.probabilities(pixels[index : index + 1])[0]
        assert alone == pytest.approx(together[index], abs=1e-6)
        ranked = sorted(zip(labels, map(float, alone), strict=True), key=lambda answer: -answer[1])
        assert row.mismatch(dict(ranked)) == ""


def test_the_layers_that_suffer_are_found_and_left_in_float(workshop: Workshop) -> None:
    report = export(workshop.profile, asked(with_outliers(workshop, "saved"), "int8")).report
    assert {"0", "1"} <= set(report["quantization"]["layers_in_float"])
    assert report["quantization"]["between_layers"] is False
    assert report["comparison"]["top1_agreement"] == 1.0


def test_a_model_that_int8_ruins_is_refused_and_nothing_is_written(workshop: Workshop) -> None:
    with pytest.raises(KitError, match="the best of 4 recipes") as raised:
        export(workshop.profile, asked(with_outliers(workshop, "ruined"), "int8"))
    assert "PRECISION=fp32" in raised.value.hint
    assert [path for path in workshop.profile.build.folder.rglob("*") if path.is_file()] == []


def test_a_network_that_torch_export_cannot_follow_is_a_sentence(workshop: Workshop) -> None:
    with pytest.raises(KitError, match="cannot be exported to ONNX") as raised:
        export(workshop.profile, asked(workshop.request(workshop.write_network("branching.py", BRANCHING))))
    assert raised.value.hint == "RUNTIME=torch"
    assert "\n" not in raised.value.message


def test_something_that_is_no_model_is_said_in_words(tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises(RuntimeError, match="Protobuf"):
        running.load(broken)


def test_what_a_model_cannot_answer_is_an_error(embedded: tuple[Build, dict[str, Any]]) -> None:
    with pytest.raises(RuntimeError, match="dimension"):
        running.load(embedded[0].model("model.onnx"))(example(1, 100))


@pytest.mark.parametrize(
    ("config", "runtime", "precision", "words"),
    [
        ("{}", "tflite", "", "RUNTIME=tflite is not one of torch, onnx, auto"),
        ("handler: {runtime: tf}", "", "", "runtime 'tf' is not one of torch, onnx, auto"),
        ("{}", "onnx", "bf16", "ONNX Runtime runs fp32 and int8 here, not bf16"),
        ("deviceType: gpu", "onnx", "fp32", "asks for a GPU"),
    ],
)
def test_what_cannot_be_is_wrong_use(workshop: Workshop, config: str, runtime: str, precision: str, words: str) -> None:
    workshop.profile.model_config.write_text(config + "\n")
    with pytest.raises(UsageError, match=words):
        precisions.of(workshop.profile, precision, "", runtime)


@pytest.mark.parametrize(
    ("config", "platform", "gpus", "flags", "runtime"),
    [
        ("{}", "linux_aarch64", (), "", "onnx"),
        ("deviceType: gpu", "linux_aarch64", (), "", "torch"),
        ("{}", "linux_x86_64", (), "avx2", "torch"),
        ("{}", "linux_x86_64", (), "avx2 avx512_vnni", "onnx"),
        ("{}", "linux_x86_64", (), "avx2 avx_vnni", "onnx"),
        ("{}", "linux_x86_64", (), "avx2 avx512_vnni amx_int8", "torch"),
        ("{}", "linux_x86_64", ("an L4",), "avx2 avx512_vnni", "torch"),
    ],
)
def test_auto_takes_what_answers_as_soon_in_less_memory(
    workshop: Workshop, config: str, platform: str, gpus: tuple[str, ...], flags: str, runtime: str
) -> None:
    workshop.profile.model_config.write_text(config + "\n")
    assert runtimes.of(workshop.profile, "auto", platform, gpus, frozenset(flags.split())) == runtime


def without_deprecated(arguments: Sequence[str], environment: dict[str, str]) -> None:
    """A command of the kit in a process in which nothing that torch has deprecated can be imported."""
    program = (
        "import runpy, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('kit.model.deprecated'):\n"
        "            raise ImportError('absent: ' + name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "sys.argv[:] = sys.argv[1:]\n"
        "runpy.run_module(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_whole_road_does_without_what_torch_has_deprecated(workshop: Workshop) -> None:
    """Export, archive and the file for phones; serving and the bundle import no torch at all, as other tests see."""
    environment = os.environ | workshop.variables() | {"BUILD": str(workshop.folder / "build"), "RUNTIME": "onnx"}
    for precision in ("fp32", "int8"):
        for command in ("scripts.export", "scripts.archive"):
            without_deprecated([command], environment | {"PRECISION": precision})
    without_deprecated(["scripts.mobile"], environment | {"FORMAT": "onnx"})
