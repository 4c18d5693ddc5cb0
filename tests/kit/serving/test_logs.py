from pathlib import Path

from kit.serving.logs import read_lines


def test_lines_of_files_that_may_not_be_there_yet(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"one\ncaf\xe9\n")
    assert read_lines(tmp_path / "absent", tmp_path / "there") == ["one", "caf\N{REPLACEMENT CHARACTER}"]
