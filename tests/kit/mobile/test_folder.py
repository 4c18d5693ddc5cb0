import hashlib
from pathlib import Path

import pytest

from kit.mobile.folder import replacing_folder, write_sums


def test_a_finished_folder_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "build" / "mobile"
    for text in ("first", "second"):
        with replacing_folder(place) as folder:
            assert list(folder.iterdir()) == []
            (folder / f"{text}.txt").write_text(text)
    assert [path.name for path in place.iterdir()] == ["second.txt"]
    assert [path.name for path in place.parent.iterdir()] == ["mobile"]


def test_a_failure_leaves_the_folder_before_and_nothing_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "mobile"
    place.mkdir()
    (place / "kept.txt").write_text("kept")
    with pytest.raises(ValueError, match="on the way"), replacing_folder(place) as folder:
        (folder / "half.txt").write_text("half")
        raise ValueError("on the way")
    assert [path.name for path in tmp_path.rglob("*")] == ["mobile", "kept.txt"]


def test_sums_are_those_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"b")
    (tmp_path / "a.bin").write_bytes(b"a")
    write_sums(tmp_path)
    write_sums(tmp_path)  # of the files, not of the sums that are there
    wanted = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}.bin" for name in "ab"]
    assert (tmp_path / "SHA256SUMS").read_text().splitlines() == wanted
