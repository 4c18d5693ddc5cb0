"""Is a release made for this machine?"""

from __future__ import annotations

import platform
import sys

from common.errors import KitError
from common.manifest import Manifest


def own_platform() -> str:
    return f"linux_{platform.machine()}"


def own_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def require_fit(manifest: Manifest) -> None:
    own, python = own_platform(), own_python()
    if (manifest.platform, manifest.python) != (own, python):
        raise KitError(
            f"{manifest.release} is for {manifest.platform} with Python {manifest.python}; "
            f"this box is {own} with Python {python}",
            f"make bundle PLATFORM={own} BOX_PYTHON={python}",
        )
