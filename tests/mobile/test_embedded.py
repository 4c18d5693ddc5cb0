"""The embedded model as files for phones: as good as its card says, and what the snippets take them for."""

import hashlib
import re
from typing import Any

import pytest
import torch
import tree_sitter
import tree_sitter_kotlin
import tree_sitter_swift

from kit.mobile import onnx_file, pte, runtimes
from tests.mobile.conftest import Delivered, Embedded

pytestmark = pytest.mark.timeout(3000)  # the first to run makes them all: minutes, and more on a busy machine

GRAMMARS = {"kt": tree_sitter_kotlin, "swift": tree_sitter_swift}
RIGHT = 142  # of the 215 pictures, by the original


def test_every_format_is_as_good_as_the_gate_wants(embedded: Embedded) -> None:
    rows = embedded.report["files"]
    assert [(row["format"], row["precision"], row["input"]) for row in rows] == [
        (name, precision, given)
        for name, precision in (("pte", "fp32"), ("pte", "int8"), ("ptl", "fp32"), ("ptl", "int8"), ("onnx", "fp32"))
        for given in ("pixels", "floats")
    ]
    for row in rows:
        assert row["pictures"] == 215
        assert round(row["original_accuracy"] * 215) == RIGHT
        assert row["agreement"] >= (1.0 if row["precision"] == "fp32" else 0.98), row
        assert row["original_accuracy"] - row["accuracy"] <= 0.0101, row


def test_int8_is_a_quarter_of_the_size(embedded: Embedded) -> None:
    sizes = {(row["format"], row["precision"], row["input"]): row["size"] for row in embedded.report["files"]}
    for name in ("pte", "ptl"):
        for given in ("pixels", "floats"):
            assert sizes[name, "int8", given] < 0.3 * sizes[name, "fp32", given]


def test_the_output_is_the_table_and_nothing_of_the_libraries_own_noise(embedded: Embedded) -> None:
    lines = embedded.stdout.splitlines()
    for row, line in zip(embedded.report["files"], lines[1:], strict=False):
        assert line.split()[:3] == [row["format"], row["precision"], row["input"]]
        assert f"{row['agreement']:.1%}" in line
        assert f"{row['size'] / 1e6:.1f} MB" in line
    assert not re.search(r"cpuinfo|Warning|deprecated|Traceback|W\d{4} ", embedded.stderr), embedded.stderr


def test_what_each_runtime_says_of_its_file_is_what_card_and_snippets_say(embedded: Embedded) -> None:
    for delivered in embedded.delivered:
        for file in delivered.files:
            told = ports(delivered, file)
            if told is not None:
                assert [file["input"][key] for key in told["input"]] == list(told["input"].values())
                assert [file["output"][key] for key in told["output"]] == list(told["output"].values())
            for name in file["snippets"]:
                source = (delivered.folder / name).read_text()
                shapes = re.findall(r"(?:longArrayOf\(|shape: \[)([\d, ]+)", source)
                assert {tuple(map(int, found.split(", "))) for found in shapes} == {tuple(file["input"]["shape"])}
                assert file["file"] in source
                assert file["sha256"] in source
                takes_bytes = {"kt": "input: ByteArray", "swift": "_ input: [UInt8]"}[name.rpartition(".")[2]]
                assert (takes_bytes in source) is (file["input"]["dtype"] == "uint8")
                if delivered.card["format"] == "onnx":
                    assert f'"{file["input"]["name"]}"' in source
                    assert f'"{file["output"]["name"]}"' in source


def ports(delivered: Delivered, file: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """What the file's own runtime tells of it; None of PyTorch Mobile's, which tells nothing."""
    path = delivered.folder / file["file"]
    if delivered.card["format"] == "ptl":
        return None
    loaded = runtimes.load(path, delivered.card["precision"])
    assert loaded.input is not None
    assert loaded.output is not None
    told = {"input": loaded.input.document(), "output": loaded.output.document()}
    if delivered.card["format"] == "pte":  # has no names
        for port in told.values():
            assert port.pop("name") == ""
    return told


def test_snippets_are_kotlin_and_swift(embedded: Embedded) -> None:
    checked = 0
    for delivered in embedded.delivered:
        for file in delivered.files:
            for name in file["snippets"]:
                grammar = tree_sitter.Language(GRAMMARS[name.rpartition(".")[2]].language())
                source = (delivered.folder / name).read_bytes()
                tree = tree_sitter.Parser(grammar).parse(source)
                assert not tree.root_node.has_error, f"{delivered.folder.name}/{name}:\n{tree.root_node}"
                checked += 1
    assert checked == 5 * 2 * 2


def test_sums_are_right(embedded: Embedded) -> None:
    for delivered in embedded.delivered:
        lines = (delivered.folder / "SHA256SUMS").read_text().splitlines()
        assert len(lines) == len(list(delivered.folder.iterdir())) - 1
        for line in lines:
            digest, _, name = line.partition("  ")
            assert hashlib.sha256((delivered.folder / name).read_bytes()).hexdigest() == digest


def test_a_file_refuses_the_other_files_input(embedded: Embedded) -> None:
    folder = embedded.folder / "resnet18-pte-fp32"
    taken = pte.load(folder / "resnet18-pixels.pte")
    other = pte.load(folder / "resnet18-floats.pte")
    assert taken.input is not None
    assert other.input is not None
    floats = torch.zeros(other.input.shape)
    assert other.run(floats).shape == (1, 43)
    with pytest.raises(RuntimeError):
        taken.run(floats)


def test_no_file_holds_a_path_of_this_machine(embedded: Embedded) -> None:
    for path in embedded.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"site-packages" not in content, path
            assert str(embedded.folder).encode() not in content, path


def test_executorch_runs_the_network_in_xnnpack(embedded: Embedded) -> None:
    for name in ("resnet18-pte-fp32", "resnet18-pte-int8"):
        for file in Delivered(embedded.folder / name).files:
            assert file["build"]["backend"] == "XNNPACK"
            outside = file["build"]["operators_outside_backend"]
            assert not any(re.search(r"conv|linear|addmm|pool|quantize", operator) for operator in outside), outside


def test_onnx_says_its_names(embedded: Embedded) -> None:
    loaded = onnx_file.load(embedded.folder / "resnet18-onnx-fp32" / "resnet18-pixels.onnx", threads=1)
    assert loaded.input is not None
    assert (loaded.input.name, loaded.input.dtype, loaded.input.shape) == ("pixels", "uint8", (1, 224, 224, 3))
