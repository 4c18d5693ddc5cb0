"""Whose manifest is it? OpenSSH signatures: a box trusts the keys in its allowed_signers and no others."""

from __future__ import annotations

import subprocess
from pathlib import Path

from common.errors import KitError

NAMESPACE = "vision-serve-bundle"
NO_USER = b"No user exists for uid"  # said by every program of OpenSSH to one without a name
# What OpenSSH's names of keys begin with, and a certificate authority's line.
KINDS = ("ssh-", "ecdsa-", "sk-", "cert-authority")


class Misfit(KitError):
    """The signature is not of this manifest, whoever made it."""


def keys(allowed_signers: Path) -> int:
    """How many keys a file trusts: 0 for one that is empty, damaged, or not there."""
    try:
        lines = allowed_signers.read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return 0
    return sum(any(kind in line for kind in KINDS) for line in lines if not line.lstrip().startswith("#"))


def is_one(file: Path) -> bool:
    """Has it the shape of an OpenSSH signature? Whose, and of what, is another question."""
    try:
        words = file.read_bytes().strip()
    except OSError:
        return False
    return words.startswith(b"-----BEGIN SSH SIGNATURE-----") and words.endswith(b"-----END SSH SIGNATURE-----")


def verify(manifest: Path, signature: Path, allowed_signers: Path) -> str:
    """The principal who signed. Raises KitError when it is nobody this box trusts, or not this manifest."""
    if not keys(allowed_signers):
        raise KitError(
            f"this box trusts no key yet: {allowed_signers} holds none",
            "give it the operator's allowed signers: box.pyz provision < allowed_signers",
        )
    content = manifest.read_bytes()
    seal = _keygen(content, "check-novalidate", "-n", NAMESPACE, "-s", str(signature))
    if NO_USER in seal.stderr:
        raise KitError(f"ssh-keygen does not run here: {_words(seal)}", "run this as a user that /etc/passwd has")
    if seal.returncode:
        raise Misfit(
            f"the signature does not fit the manifest ({_words(seal)})",
            "the bundle was changed after it was signed, or damaged: build or fetch it again",
        )
    found = _keygen(b"", "find-principals", "-s", str(signature), "-f", str(allowed_signers))
    principals = found.stdout.decode().split("\n")[0].strip() if found.returncode == 0 else ""
    if not principals:
        key = seal.stdout.decode().strip().rpartition(" with ")[2]
        raise KitError(
            f"the bundle is signed by a key that this box does not trust: {key}",
            f"sign it with a key that is in {allowed_signers}, or add this one there if it is yours",
        )
    names = ["-I", principals, "-n", NAMESPACE]
    good = _keygen(content, "verify", "-f", str(allowed_signers), *names, "-s", str(signature))
    if good.returncode:
        raise KitError(f"{principals}'s signature is not accepted: {_words(good)}", f"check {allowed_signers}")
    return principals


def _keygen(content: bytes, action: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", "-Y", action, *arguments], input=content, capture_output=True, timeout=60)
    except FileNotFoundError:
        raise KitError(
            "ssh-keygen is not on this box, so no signature can be checked", "apt-get install openssh-client"
        ) from None


def _words(run: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join((run.stderr or run.stdout).decode(errors="replace").split())
