"""A release becomes a part of an image: all that a box would have after its installation, with nothing started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from box.state.paths import Paths
from box.store import bundle_file, confirmations, delivery, releases


def place(paths: Paths, bundle: Path) -> dict[str, Any]:
    """Verified and unpacked as on a box, and confirmed: an image has no release to go back to but another image.
    Raises KitError, as `delivery.receive` does."""
    wanted = bundle_file.bring_in(paths, bundle)
    received = delivery.receive(paths, wanted.release)
    for link in (paths.current, paths.confirmed):
        releases.switch(paths, link, wanted.release)
    confirmations.note(paths, wanted.release)
    return received
