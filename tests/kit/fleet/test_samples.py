"""Pictures that boxes kept, brought to the workstation."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.samples import Sample
from kit.collected import Collection
from kit.fleet.host import samples
from tests.kit.fleet.conftest import Shop


@pytest.fixture
def kept(shop: Shop, tmp_path: Path) -> Shop:
    """Two pictures on each box."""
    shop.deploy("r0")
    for box in shop.remotes:
        shop.state(box)["samples"] = str(tmp_path / box)
        for number in range(2):
            keep(tmp_path / box, number, box.encode())
    return shop


def keep(folder: Path, number: int, content: bytes) -> None:
    name = f"0.3{number}00_0.3{number}00_20261130T09140{number}Z_{number:012}_Oat-Milk.jpg"
    (folder / "2026-12-14/doubtful").mkdir(parents=True, exist_ok=True)
    (folder / "2026-12-14/doubtful" / name).write_bytes(content)


def test_what_is_new_comes_once(kept: Shop, tmp_path: Path) -> None:
    collection = Collection(tmp_path / "collected")
    answers = samples.fetch(kept.remotes, collection, 4)
    assert [(one.error, one.said["brought"]) for one in answers] == [("", 2)] * 5
    files = sorted((tmp_path / "collected/Oat-Milk").iterdir())
    assert len(files) == 10 and files[0].read_bytes() == b"b1"
    keep(tmp_path / "b2", 2, b"more")
    again = samples.fetch(kept.remotes, Collection(tmp_path / "collected"), 4)
    assert [one.said["brought"] for one in again] == [0, 1, 0, 0, 0]


def test_a_link_that_breaks_half_way_costs_what_was_under_way(
    kept: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "BATCH", 1)
    asked: list[str] = []

    def cut(verb: str) -> None:
        asked.append(verb)
        kept.remotes["b1"].down = asked.count("samples") == 3

    kept.remotes["b1"].on_call = cut
    only = {"b1": kept.remotes["b1"]}
    (first,) = samples.fetch(only, Collection(tmp_path / "collected"), 1)
    assert first.error.startswith("out of reach")
    kept.remotes["b1"].down = False
    kept.remotes["b1"].on_call = asked.append
    (second,) = samples.fetch(only, Collection(tmp_path / "collected"), 1)
    assert second.said["brought"] == 1
    assert len(list((tmp_path / "collected/Oat-Milk").iterdir())) == 2


def test_batches_are_bounded_and_never_empty() -> None:
    found = [
        Sample(f"{number}", "a", 0.1, "", "", size)
        for number, size in enumerate((3_000_000, 900_000, 200_000, 9_000_000))
    ]
    assert [[one.path for one in batch] for batch in samples.batches(found)] == [["0", "1"], ["2"], ["3"]]
    assert list(samples.batches([])) == []
