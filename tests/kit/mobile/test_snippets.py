"""Snippets are filled with facts of the file. What each runtime says of its file is compared in tests/mobile."""

import re
from dataclasses import replace
from itertools import product

import pytest

from common.durable import sha256
from kit.mobile import snippets
from kit.mobile.formats import runtimes
from kit.mobile.formats.choice import FORMATS, PhoneTarget
from kit.mobile.making import Made, MadeFile, Maker

BOTH = list(product(FORMATS, (snippets.KOTLIN, snippets.SWIFT)))


def shape(source: str, language: str) -> tuple[int, ...]:
    pattern = {"kt": r"longArrayOf\(([\d, ]+)\)", "swift": r"shape: \[([\d, ]+)\]"}[language]
    (found,) = set(re.findall(pattern, source))
    return tuple(int(size) for size in found.split(", "))


@pytest.fixture(autouse=True)
def versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here executorch and onnxruntime are not installed."""
    monkeypatch.setattr(runtimes, "name_and_version", lambda name: {"name": name, "version": "9.8.7+cpu"})


@pytest.mark.parametrize(("format_name", "language"), BOTH)
def test_every_snippet_names_its_files_own_figures(format_name: str, language: str, made: Made, maker: Maker) -> None:
    steps = maker.source.preprocessing
    for file in made.files:
        source = snippets.source(PhoneTarget(FORMATS[format_name], "fp32"), file, steps, language)
        assert shape(source, language) == file.input.shape
        assert f"For {file.path.name} (sha256 {sha256(file.path)}):" in source
        assert f"// {file.input.dtype} {list(file.input.shape)} in, float32 [1, 3] out." in source
        assert "9.8.7" in source or format_name == "ptl"
        assert "+cpu" not in source
        assert re.search(r"(crop|CROP) = 32\b", source)
        assert re.search(r"(RESIZE|resize: CGFloat) = 36\b", source)
        assert "@" not in source
        assert max(map(len, source.splitlines())) <= 120


@pytest.mark.parametrize(("format_name", "language"), BOTH)
def test_only_floats_are_normalised_by_the_app(format_name: str, language: str, made: Made, maker: Maker) -> None:
    target = PhoneTarget(FORMATS[format_name], "fp32")
    pixels, floats = (snippets.source(target, file, maker.source.preprocessing, language) for file in made.files)
    mean = {"kt": "floatArrayOf(0.5f, 0.4f, 0.3f)", "swift": "[0.5, 0.4, 0.3]"}[language]
    bytes_, numbers = {"kt": ("ByteArray", "FloatArray"), "swift": ("_ input: [UInt8]", "_ input: [Float]")}[language]
    assert mean in floats
    assert mean not in pixels
    assert bytes_ in pixels
    assert numbers in floats
    assert bytes_ not in floats.replace("_ input: [Float]", "")


@pytest.mark.parametrize("language", [snippets.KOTLIN, snippets.SWIFT])
def test_onnx_is_asked_by_its_names(language: str, made: Made, maker: Maker) -> None:
    file: MadeFile = made.files[0]
    renamed = replace(file, input=replace(file.input, name="given"), output=replace(file.output, name="taken"))
    source = snippets.source(PhoneTarget(FORMATS["onnx"], "fp32"), renamed, maker.source.preprocessing, language)
    assert '"given"' in source
    assert '"taken"' in source


def test_swift_reaches_pytorch_mobile_through_objective_c(made: Made, maker: Maker) -> None:
    folder = made.files[0].path.parent
    written = snippets.write(made.target, made.files[0], maker.source.preprocessing, folder)
    assert [path.name for path in written] == [
        "ClassifierFromPixels.kt",
        "ClassifierFromPixels.swift",
        "TorchModule.h",
        "TorchModule.mm",
    ]
    assert all(path.parent == folder and path.stat().st_size > 300 for path in written)
