"""Kotlin and Swift that open a file and ask it, filled in with that file's own names, shapes and dtypes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from common.durable import sha256
from kit.mobile.formats import runtimes
from kit.mobile.formats.choice import PhoneTarget
from kit.mobile.making import MadeFile
from kit.model.source.preprocessing import Preprocessing

TEMPLATES = Path(__file__).parent / "templates"
SECTION = re.compile(r"^//// (.+)$", re.MULTILINE)
PLACE = re.compile(r"@([A-Z_0-9]+)@")
KOTLIN, SWIFT = "kt", "swift"
# What an app's build names. PyTorch Mobile's last release is 2.1.0; the others go with the version used here.
DEPENDENCIES = {
    ("pte", KOTLIN): "org.pytorch:executorch-android:{version}",
    ("ptl", KOTLIN): "org.pytorch:pytorch_android_lite:2.1.0",
    ("onnx", KOTLIN): "com.microsoft.onnxruntime:onnxruntime-android:{version}",
    ("pte", SWIFT): "Swift package github.com/pytorch/executorch, branch swiftpm-{version}:\n"
    "// executorch, backend_xnnpack, kernels_optimized; other linker flag -all_load.",
    ("ptl", SWIFT): "CocoaPods: pod 'LibTorch-Lite'; TorchModule.h and TorchModule.mm beside this file.",
    ("onnx", SWIFT): "Swift package github.com/microsoft/onnxruntime-swift-package-manager, at {version} or near it.",
}


def write(target: PhoneTarget, file: MadeFile, preprocessing: Preprocessing, folder: Path) -> list[Path]:
    """The sources for one file, in Kotlin and Swift, and what Swift needs to reach a runtime that has no Swift."""
    written = []
    for language in (KOTLIN, SWIFT):
        path = folder / f"{class_name(file)}.{language}"
        path.write_text(source(target, file, preprocessing, language), encoding="utf-8")
        written.append(path)
    if target.format.name == "ptl":
        for name in ("TorchModule.h", "TorchModule.mm"):
            path = folder / name
            path.write_bytes((TEMPLATES / name).read_bytes())
            written.append(path)
    return written


def class_name(file: MadeFile) -> str:
    return f"ClassifierFrom{file.variant.name.title()}"


def source(target: PhoneTarget, file: MadeFile, preprocessing: Preprocessing, language: str) -> str:
    of_format = sections((TEMPLATES / f"{target.format.name}.{language}").read_text(encoding="utf-8"))
    of_input = sections((TEMPLATES / f"{file.variant.name}.{language}").read_text(encoding="utf-8"))
    parts = {
        "IMPORTS": of_format["imports"],
        "PROPERTIES": of_format.get("properties", ""),
        "LOAD": of_format["load"],
        "RUN": of_format[f"run {file.variant.name}"],
        "INPUT": of_input["input"],
        "CONSTANTS": of_input["constants"],
    }
    whole = filled(
        (TEMPLATES / f"classifier.{language}").read_text(encoding="utf-8"),
        parts | values(target, file, preprocessing, language),
    )
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n\n+(?= *})", "\n", whole))


def values(target: PhoneTarget, file: MadeFile, preprocessing: Preprocessing, language: str) -> dict[str, str]:
    version = runtimes.name_and_version(target.format.name)["version"].partition("+")[0]
    mean, std = ([repr(value) for value in row] for row in (preprocessing.mean, preprocessing.std))
    return {
        "FILE": file.path.name,
        "SHA256": sha256(file.path),
        "CLASS": class_name(file),
        "DEPENDENCY": DEPENDENCIES[target.format.name, language].format(version=version),
        "DTYPE": file.input.dtype,
        "SHAPE": ", ".join(map(str, file.input.shape)),
        "CLASSES": str(file.output.shape[1]),
        "INPUT_NAME": file.input.name,
        "OUTPUT_NAME": file.output.name,
        "RESIZE": str(preprocessing.resize),
        "CROP": str(preprocessing.crop),
        "MEAN": ", ".join(mean),
        "STD": ", ".join(std),
        "MEAN_F": ", ".join(f"{value}f" for value in mean),
        "STD_F": ", ".join(f"{value}f" for value in std),
    }


def sections(template: str) -> dict[str, str]:
    """`//// name` and the lines below it, for each."""
    _, *rest = SECTION.split(template)
    return {name: text.strip("\n") for name, text in zip(rest[::2], rest[1::2], strict=True)}


def filled(template: str, known: Mapping[str, str]) -> str:
    """Every @NAME@ replaced, also those inside what replaces one. Raises KeyError for a name that is not known."""
    while PLACE.search(template):
        template = PLACE.sub(lambda found: known[found[1]], template)
    return template
