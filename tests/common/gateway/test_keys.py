from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from common.gateway import keys
from common.gateway.keys import Rate


def test_only_its_hash_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    text = keys.add(folder, "till-7", Rate(20, 1))
    assert text.startswith("vs_")
    assert len(text) == 3 + 43  # 256 bits in base64
    kept = next(folder.iterdir())
    assert kept.name == f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    assert text[3:] not in kept.read_text()
    assert folder.stat().st_mode & 0o777 == 0o700
    (key,) = keys.read(folder)
    assert (key.name, str(key.rate), key.used) == ("till-7", "20/s", 0)


def test_a_name_has_one_key(tmp_path: Path) -> None:
    keys.add(tmp_path, "till-7", None)
    with pytest.raises(KitError, match="already"):
        keys.add(tmp_path, "till-7", None)
    keys.revoke(tmp_path, "till-7")
    assert keys.read(tmp_path) == []
    keys.add(tmp_path, "till-7", None)
    with pytest.raises(KitError, match="no key named till-8"):
        keys.revoke(tmp_path, "till-8")


def test_one_of_the_kit_s_own_is_not_listed_and_ends_with_its_block(tmp_path: Path) -> None:
    with keys.passing(tmp_path) as text:
        assert len(list(tmp_path.glob("*.json"))) == 1
        assert text.startswith("vs_")
        assert keys.read(tmp_path) == []
    assert list(tmp_path.glob("*.json")) == []


def test_when_it_was_last_used_is_told(tmp_path: Path) -> None:
    keys.add(tmp_path, "till-7", None)
    (tmp_path / keys.LAST_USED).write_text('{"till-7": 1790000000}')
    assert keys.read(tmp_path)[0].used == 1790000000


@pytest.mark.parametrize("content", ["", "[]", "7", "{}", '{"name": 7}', '{"name": "x", "made": 1, "rate": 7}'])
def test_a_file_that_is_none_is_passed_over(tmp_path: Path, content: str) -> None:
    keys.add(tmp_path, "till-7", None)
    (tmp_path / "other.json").write_text(content)
    (tmp_path / keys.LAST_USED).write_text("{")
    assert [key.name for key in keys.read(tmp_path)] == ["till-7"]


@pytest.mark.parametrize("name", ["", ".", "../x", "a b", "a/b", "-x", "ä", "x" * 65, "x\n"])
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a key's name"):
        keys.add(tmp_path, name, None)


def test_rates() -> None:
    assert keys.rate("") is None
    assert keys.rate("600/m") == Rate(600, 60)
    assert str(keys.rate("5000/h")) == "5000/h"


@pytest.mark.parametrize("text", ["20", "0/s", "-1/s", "20/d", "1.5/s", "20 /s", "/s"])
def test_a_rate_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a rate"):
        keys.rate(text)


def test_a_key_may_be_for_some_models_alone(tmp_path: Path) -> None:
    keys.add(tmp_path, "all", None)
    keys.add(tmp_path, "some", None, keys.models("shelf, produce"))
    everything, some = keys.read(tmp_path)
    assert (list(everything.models), list(some.models)) == ([], ["shelf", "produce"])


@pytest.mark.parametrize("text", ["../x", "shelf;produce", "shelf,-x"])
def test_what_is_no_model_s_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no model's name"):
        keys.models(text)
