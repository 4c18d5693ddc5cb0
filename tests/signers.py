"""The allowed-signers files of the tests, as docs/fleet.md has an operator write one."""

from __future__ import annotations

from pathlib import Path

from kit.bundle import signing


def allowed_signers_line(key: Path, principal: str) -> str:
    """The line that makes a box trust `key` for bundles and for nothing else."""
    kind, encoded = signing.public_key(key).split()[:2]
    return f'{principal} namespaces="{signing.NAMESPACE}" {kind} {encoded}\n'
