import json
from dataclasses import asdict
from typing import Any

import pytest

from common import manifest_reading as boxes
from common.errors import KitError
from common.manifest import Gate, Manifest, Part
from kit.bundle import manifest

ZERO = "0" * 64
PARTS = [
    Part("tiny.mar", "a" * 64, 5, "archive"),
    Part("golden/red_0.png", "b" * 64, 6, "golden"),
    Part("wheels/pip-26.3-py3-none-any.whl", "c" * 64, 7, "wheel"),
]
DOCUMENT: dict[str, Any] = {
    "platform": "linux_aarch64",
    "python": "3.11",
    "model": {"name": "tiny", "version": "1.0", "archive": "tiny.mar", "sha256": "a" * 64, "precision": "int8"},
    "runtime": {"id": "d" * 16, "pip": "pip-26.3-py3-none-any.whl"},
    "server": {"command": ["{java}"], "environment": {}, "java": "j", "workers": 1, "response_timeout": 60},
    "gate": dict.fromkeys(Gate.__dataclass_fields__, 1),
    "golden": {"tolerance": 0.05, "pictures": [{"file": "golden/red_0.png", "expected": {"red": 0.9, "blue": 0.1}}]},
}


def changed(made: Manifest, rename: bool = True, **changes: object) -> bytes:
    """A manifest with other content, its name made again unless it shall not fit."""
    document = {**json.loads(made.content), **changes}
    if rename:
        document["release"] = manifest.release_name(document)
    return manifest.canonical(document)


def test_the_order_of_what_goes_in_does_not_matter() -> None:
    backwards = dict(reversed(DOCUMENT.items()))
    assert manifest.make(DOCUMENT, PARTS).content == manifest.make(backwards, PARTS[::-1]).content


def test_a_release_is_called_after_its_model_and_its_content() -> None:
    made = manifest.make(DOCUMENT, PARTS)
    assert made.release.startswith("tiny-1.0-")
    assert len(made.release.rpartition("-")[2]) == 8
    other = manifest.make({**DOCUMENT, "python": "3.13"}, PARTS)
    assert other.release != made.release


def test_what_was_written_is_read_back_with_its_exact_bytes() -> None:
    made = manifest.make(DOCUMENT, PARTS)
    again = manifest.parse(made.content)
    assert again == made
    assert [part.path for part in again.parts] == sorted(part.path for part in PARTS)
    assert (again.platform, again.python, again.runtime_id) == ("linux_aarch64", "3.11", "d" * 16)
    assert again.blobs() == {part.sha256: part.size for part in PARTS}


def test_the_boxs_own_program_reads_it() -> None:
    made = manifest.make(DOCUMENT, PARTS)
    read = boxes.parse(made.content)
    assert (read.release, read.model.version, read.pip) == (made.release, "1.0", "pip-26.3-py3-none-any.whl")
    assert [asdict(part) for part in read.parts] == [asdict(part) for part in made.parts]


def test_the_same_wheels_share_a_runtime_whatever_their_order() -> None:
    wheels = [Part("wheels/a.whl", ZERO, 1, "wheel"), Part("wheels/b.whl", "1" * 64, 1, "wheel")]
    assert manifest.runtime_id("p", "3.11", wheels) == manifest.runtime_id("p", "3.11", wheels[::-1])
    assert manifest.runtime_id("p", "3.11", wheels) != manifest.runtime_id("p", "3.13", wheels)
    assert manifest.runtime_id("p", "3.11", wheels) != manifest.runtime_id("p", "3.11", wheels[:1])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "a b", "-x", ".hidden", "a/", "a\n", "x@y"]
)
def test_a_path_that_root_should_not_write_on_a_box_is_refused(path: str) -> None:
    with pytest.raises(KitError, match="cannot be a path on a box"):
        manifest.make(DOCUMENT, [*PARTS, Part(path, ZERO, 1, "config")])


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([*PARTS, Part("tiny.mar", ZERO, 1, "archive")], "two parts have one path"),
        (PARTS[1:], "tiny.mar is not among the parts"),
        (PARTS[:2], "wheels/pip-26.3-py3-none-any.whl is not among the parts"),
        ([*PARTS, Part("x", "not a hash", 1, "config")], "is not a sha256"),
        ([*PARTS, Part("x", ZERO, 1, "rootkit")], "role 'rootkit' is unknown"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts: list[Part], words: str) -> None:
    with pytest.raises(KitError, match=words):
        manifest.make(DOCUMENT, parts)


def test_content_that_does_not_fit_its_name_is_refused() -> None:
    made = manifest.make(DOCUMENT, PARTS)
    with pytest.raises(KitError, match=f"the release is called {made.release}, and its content"):
        manifest.parse(changed(made, rename=False, python="3.13"))


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"", "Expecting value"), (b"{}", "no 'format'"), (b"[]", "indices"), (b'{"format": 2}', "format 2")],
)
def test_what_is_no_manifest_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(KitError, match=words):
        manifest.parse(text)
