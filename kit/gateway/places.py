"""Where keys and certificates are kept: with the user's own settings, for `make clean` must not lock clients out."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "vision-serve"


def keys() -> Path:
    """One for all profiles: a client's key outlives the profile that it was made beside."""
    return home() / "keys"


def authority() -> Path:
    """The certificate authority, its private key among it: this never leaves the workstation."""
    return home() / "authority"


def unsent() -> Path:
    """What boxes are to be told of their clients' keys, until they could be reached."""
    return home() / "unsent"


def certificate() -> Path:
    """The certificate that this machine shows, and its private key."""
    return home() / "certificate"
