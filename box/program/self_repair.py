"""What a power cut or a dying disk took of this program's own files is put back, from this copy of it."""

from __future__ import annotations

import os

from box.program import installed
from box.state import history
from box.state.events import say
from box.state.paths import Paths
from common.errors import KitError


def mend(paths: Paths, starting: bool) -> list[str]:
    """Sentences on what was changed. What cannot be put back is said, and keeps nothing from its start.

    `starting`: as a part of the server's own start.
    """
    changed: list[str] = []
    try:
        changed += installed.program(paths)
        changed += installed.units(paths, reload=not starting)
    except (OSError, KitError) as error:
        say(f"vision-serve: not repaired: {error}")
    if changed:
        os.sync()
        history.record(paths.history, "mended", None, "boot", True, changed=changed)
    return changed
