import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from kit.bundle import signing
from tests.kit.bundle.parts import make_key
from tests.signers import allowed_signers_line

TEXT = b"what is signed\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def signers(key: Path, tmp_path: Path) -> Path:
    path = tmp_path / "allowed_signers"
    path.write_text(allowed_signers_line(key, "operator@workstation"))
    return path


@pytest.fixture
def agent(key: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ssh-agent that holds the key."""
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    for name in ("SSH_AUTH_SOCK", "SSH_AGENT_PID"):
        found = re.search(rf"{name}=([^;]+)", said)
        assert found
        monkeypatch.setenv(name, found[1])
    try:
        subprocess.run(["ssh-add", "-q", str(key)], check=True)
        yield
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True)


def test_a_signature_fits_its_text_and_names_its_key(key: Path) -> None:
    said = signing.check(TEXT, signing.sign(TEXT, key))
    assert re.fullmatch(r"SHA256:\S{43} \(ED25519\)", said)


def test_the_same_text_and_key_give_the_same_signature(key: Path) -> None:
    assert signing.sign(TEXT, key) == signing.sign(TEXT, key)


def test_an_allowed_signer_is_named(key: Path, signers: Path) -> None:
    assert signing.check(TEXT, signing.sign(TEXT, key), signers).startswith("operator@workstation, SHA256:")


def test_the_agent_signs_for_a_public_key(key: Path, signers: Path, agent: None, tmp_path: Path) -> None:
    alone = tmp_path / "alone.pub"
    alone.write_bytes(Path(f"{key}.pub").read_bytes())
    assert signing.check(TEXT, signing.sign(TEXT, alone), signers).startswith("operator@workstation")


def test_another_text_is_refused(key: Path) -> None:
    with pytest.raises(KitError, match="the signature does not fit"):
        signing.check(TEXT + b" ", signing.sign(TEXT, key))


def test_a_key_that_is_not_allowed_is_refused(signers: Path, tmp_path: Path) -> None:
    with pytest.raises(KitError, match="does not allow"):
        signing.check(TEXT, signing.sign(TEXT, make_key(tmp_path, "other")), signers)


def test_a_signature_made_for_something_else_is_refused(key: Path) -> None:
    command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key)]
    other = subprocess.run(command, input=TEXT, capture_output=True, check=True).stdout
    with pytest.raises(KitError, match="the signature does not fit"):
        signing.check(TEXT, other)


@pytest.mark.parametrize("rubbish", [b"", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"])
def test_what_is_no_signature_is_refused(rubbish: bytes) -> None:
    with pytest.raises(KitError, match="the signature does not fit"):
        signing.check(TEXT, rubbish)


def test_a_key_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        signing.sign(TEXT, tmp_path / "none")


def test_a_file_that_is_no_key_cannot_sign(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_text("not a key\n")
    (tmp_path / "rubbish").chmod(0o600)
    with pytest.raises(KitError, match="cannot sign"):
        signing.sign(TEXT, tmp_path / "rubbish")


def test_signers_that_are_not_there_are_wrong_use(key: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        signing.check(TEXT, signing.sign(TEXT, key), tmp_path / "none")


def test_the_public_half_is_read_from_the_private_one_too(key: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.write_bytes(key.read_bytes())
    alone.chmod(0o600)
    assert signing.public_key(alone).split()[:2] == signing.public_key(key).split()[:2]
    with pytest.raises(UsageError, match="does not exist"):
        signing.public_key(tmp_path / "none")
