"""Every format with a small network: each file's own runtime says what card and snippets say."""

import hashlib
import re
from typing import Any

import pytest
import tree_sitter
import tree_sitter_kotlin
import tree_sitter_swift

from kit.mobile.formats import onnx_file, runtimes
from tests.mobile.conftest import Delivered, Delivery

pytestmark = pytest.mark.timeout(1200)  # ExecuTorch alone takes seconds to import

GRAMMARS = {"kt": tree_sitter_kotlin, "swift": tree_sitter_swift}


def test_every_format_answers_like_the_original(tiny: Delivery) -> None:
    rows = tiny.report["files"]
    made = [(row["format"], row["precision"]) for row in rows if row["input"] == "pixels"]
    assert made == [("pte", "fp32"), ("pte", "int8"), ("ptl", "fp32"), ("ptl", "int8"), ("onnx", "fp32")]
    assert len(rows) == 2 * len(made)
    assert {(row["accuracy"], row["agreement"]) for row in rows} == {(1.0, 1.0)}
    assert all(row["latency"]["median"] > 0 for row in rows)


def test_what_each_runtime_says_of_its_file_is_what_card_and_snippets_say(tiny: Delivery) -> None:
    for delivered in tiny.delivered:
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


def test_snippets_are_kotlin_and_swift(tiny: Delivery) -> None:
    checked = 0
    for delivered in tiny.delivered:
        for file in delivered.files:
            for name in file["snippets"]:
                grammar = tree_sitter.Language(GRAMMARS[name.rpartition(".")[2]].language())
                source = (delivered.folder / name).read_bytes()
                tree = tree_sitter.Parser(grammar).parse(source)
                assert not tree.root_node.has_error, f"{delivered.folder.name}/{name}:\n{tree.root_node}"
                checked += 1
    assert checked == 5 * 2 * 2


def test_sums_are_right(tiny: Delivery) -> None:
    for delivered in tiny.delivered:
        lines = (delivered.folder / "SHA256SUMS").read_text().splitlines()
        assert len(lines) == len(list(delivered.folder.iterdir())) - 1
        for line in lines:
            digest, _, name = line.partition("  ")
            assert hashlib.sha256((delivered.folder / name).read_bytes()).hexdigest() == digest


def test_no_file_holds_a_path_of_this_machine(tiny: Delivery) -> None:
    for path in tiny.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"site-packages" not in content, path
            assert str(tiny.folder).encode() not in content, path


def test_onnx_says_its_names(tiny: Delivery) -> None:
    loaded = onnx_file.load(tiny.folder / "tiny-onnx-fp32" / "tiny-pixels.onnx", threads=1)
    assert loaded.input is not None
    assert (loaded.input.name, loaded.input.dtype, loaded.input.shape) == ("pixels", "uint8", (1, 32, 32, 3))
