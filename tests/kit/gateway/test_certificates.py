from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from common.errors import KitError
from kit.gateway import certificates

NAMES = ["shop-7", "shop-7.example", "192.0.2.7", "2001:db8::7"]


def test_one_is_for_its_names_and_addresses_and_does_not_outlive_what_browsers_take() -> None:
    pair = certificates.issue(certificates.new_authority(), NAMES)
    assert pair.names == NAMES
    left = pair.ends - datetime.datetime.now(datetime.timezone.utc)
    assert 396 <= left.days <= 398


def test_when_it_is_due() -> None:
    pair = certificates.issue(certificates.new_authority(), NAMES)
    late = pair.ends - datetime.timedelta(days=certificates.RENEW_DAYS - 1)
    assert certificates.is_due(pair, NAMES) == ""
    assert certificates.is_due(pair, NAMES[:1]) == ""
    assert certificates.is_due(pair, [*NAMES, "192.0.2.8"]) == "it is not for 192.0.2.8"
    assert certificates.is_due(pair, NAMES, late) == f"it ends in {certificates.RENEW_DAYS - 1} days"
    assert certificates.is_due(None, NAMES) == "there is none"


def test_the_authority_is_made_once_and_its_key_is_for_its_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    made = certificates.authority(folder)
    assert certificates.authority(folder) == made
    assert (folder / certificates.KEY).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_damaged_one_is_an_error_and_stays(tmp_path: Path) -> None:
    certificates.authority(tmp_path)
    (tmp_path / certificates.CERTIFICATE).write_text("damaged")
    with pytest.raises(KitError, match="cannot be read"):
        certificates.authority(tmp_path)
    assert (tmp_path / certificates.CERTIFICATE).read_text() == "damaged"


@pytest.mark.parametrize("wrong", ["certificate", "key", "password", "other"])
def test_a_pair_that_is_none_is_refused(wrong: str) -> None:
    authority = certificates.new_authority()
    pair = certificates.issue(authority, NAMES)
    certificates.check(pair)
    encrypted = serialization.load_pem_private_key(pair.key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    changed, words = {
        "certificate": (replace(pair, certificate=b"nothing"), "is not PEM"),
        "key": (replace(pair, key=b"nothing"), "cannot be read"),
        "password": (replace(pair, key=encrypted), "cannot be read"),
        "other": (replace(pair, key=authority.key), "is not that of the certificate"),
    }[wrong]
    with pytest.raises(KitError, match=words):
        certificates.check(changed)


def test_many_who_ask_at_once_get_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: certificates.authority(tmp_path / "authority"), range(8)))
    assert len({pair.certificate for pair in found}) == 1
