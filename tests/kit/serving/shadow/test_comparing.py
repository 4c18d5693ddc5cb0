from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common import json_lines
from common.errors import KitError
from common.server.torchserve import Inference
from kit.serving.launch import RunFolder
from kit.serving.shadow import candidate
from kit.serving.shadow.candidate import Candidate
from kit.serving.shadow.comparing import compare
from kit.serving.state import ServedModel

CHOSEN = Candidate(ServedModel("shelf", "2.0", "ab", 1, 30.0), "1.0", 0.1, 1.0)


class Made(Inference):
    """Answers by the picture's own words."""

    def timed(self, model: str, picture: bytes, timeout: float, version: str) -> tuple[Any, float]:
        assert (model, version, timeout) == ("shelf", "2.0", 30.0)
        if picture == b"broken":
            raise KitError("a prediction: HTTP 503")
        return ({picture.decode(): 0.75, "Other": 0.1} if picture != b"odd" else "no JSON"), 0.012


def leave(folder: Path, name: str, picture: bytes) -> None:
    said = {"label": "Lime", "confidence": 0.9, "seconds": 0.008}
    (folder / f"{name}.picture").write_bytes(json.dumps(said).encode() + b"\n" + picture)


def test_each_picture_becomes_a_row_and_is_gone(tmp_path: Path) -> None:
    folder, kept = tmp_path / "shelf", tmp_path / "shelf.jsonl"
    folder.mkdir()
    for number, picture in enumerate((b"Lime", b"Banana", b"broken", b"odd")):
        leave(folder, str(number), picture)
    (folder / "9.picture").write_bytes(b"torn")
    (folder / ".4711").write_bytes(b"half")
    with kept.open("w") as rows:
        assert compare(folder, CHOSEN, Made("http://nobody", {}), rows) == 5
    found = json_lines.read(kept)
    assert [row["candidate"] and row["candidate"]["label"] for row in found] == ["Lime", "Banana", None, None]
    assert found[0]["serving"]["label"] == "Lime"
    assert found[0]["candidate"]["seconds"] == 0.012
    assert found[2]["why"] == "a prediction: HTTP 503"
    assert [path.name for path in folder.iterdir()] == [".4711"]


def test_a_candidate_is_read_as_it_was_written_and_leaves_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert candidate.read(run, "shelf") is None
    candidate.pictures(run, "shelf").mkdir(parents=True)
    candidate.file(run, "shelf").write_text(
        json.dumps({"model": vars(CHOSEN.model), "beside": "1.0", "share": 0.1, "since": 1.0})
    )
    assert candidate.read(run, "shelf") == CHOSEN
    candidate.rows(run, "shelf").touch()
    candidate.end(run, "shelf")
    assert list(run.shadow.iterdir()) == []
    candidate.end(run, "shelf")
