"""Signatures by the operator's own SSH key. OpenSSH does the work, so agents, passphrases and hardware keys do too."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from common.errors import KitError, UsageError
from kit.files import NOT_SHOWN

NAMESPACE = "vision-serve-bundle"  # a signature made for this is worth nothing elsewhere, and the other way round


def sign(text: bytes, key: Path, namespace: str = NAMESPACE) -> bytes:
    """The armored signature. `key` is a private key, or a public one whose private half the ssh-agent holds.

    Raises UsageError when there is no such file, KitError with ssh-keygen's words when it cannot sign.
    """
    _require(key)
    done = _keygen(text, "sign", "-n", namespace, "-f", str(key))
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise KitError(
            f"{key} cannot sign: {_words(done)}",
            "take a key of yours: KEY=~/.ssh/id_ed25519, or its .pub with the key in ssh-agent",
        )
    return done.stdout


def check(text: bytes, signature: bytes, allowed_signers: Path | None = None, namespace: str = NAMESPACE) -> str:
    """Who signed `text`, as words. Without `allowed_signers` any key will do, and the words name only the key.

    Raises KitError when the signature does not fit the text, or is by a key that is not allowed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "sig"
        file.write_bytes(signature)
        fits = _keygen(text, "check-novalidate", "-n", namespace, "-s", str(file))
        if fits.returncode:
            raise KitError(
                f"the signature does not fit manifest.json: {_words(fits)}",
                "the bundle was changed after it was signed: make it again, or get it again",
            )
        key = _key_in(fits.stdout.decode())
        if allowed_signers is None:
            return key
        if not allowed_signers.is_file():
            raise UsageError(f"{allowed_signers} does not exist", "see ALLOWED SIGNERS in `man ssh-keygen`")
        signers = ["-f", str(allowed_signers), "-s", str(file)]
        found = _keygen(b"", "find-principals", *signers).stdout.decode().split("\n")[0]
        if not found or _keygen(text, "verify", "-n", namespace, "-I", found, *signers).returncode:
            raise KitError(
                f"the bundle is signed by {key}, a key that {allowed_signers} does not allow",
                "sign with a key that it does, or add this one if it is yours",
            )
        return f"{found}, {key}"


def public_key(key: Path) -> str:
    """`ssh-ed25519 AAAA… comment` of a key. Raises UsageError when there is none to read."""
    _require(key)
    public = key if key.suffix == ".pub" else Path(f"{key}.pub")
    if public.is_file():
        return public.read_text(encoding="utf-8").strip()
    done = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UsageError(f"no public key can be read from {key}: {_words(done)}", f"ssh-keygen -y -f {key} > {public}")
    return done.stdout.decode().strip()


def read_signers(file: Path | None) -> str:
    """An allowed-signers file's text, "" for none. Raises UsageError when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the allowed-signers file cannot be read: {error}", "SIGNERS=file") from None


def _require(key: Path) -> None:
    try:
        there = key.is_file()
    except OSError:  # too long for a path: the key itself, say
        there = False
    if not there:
        hint = "KEY=<your SSH key>, or make one: ssh-keygen -t ed25519"
        raise UsageError(f"the file that KEY names does not exist {NOT_SHOWN}", hint)


def _keygen(text: bytes, action: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", "-Y", action, *arguments], input=text, capture_output=True)
    except FileNotFoundError:
        raise KitError("this machine has no ssh-keygen", "sudo apt-get install openssh-client") from None


def _key_in(words: str) -> str:
    """`Good "…" signature with ED25519 key SHA256:…` → `SHA256:… (ED25519)`."""
    found = re.search(r"with (\S+) key (SHA256:\S+)", words)
    return f"{found[2]} ({found[1]})" if found else words.strip()


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join((done.stderr or done.stdout).decode(errors="replace").split()) or f"status {done.returncode}"
