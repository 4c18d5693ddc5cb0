"""Is a release made for this machine?"""

from __future__ import annotations

import platform
import sys

import processors
from box.system import gpus
from common.errors import KitError
from common.manifest import Machine, Manifest

OWN = Machine(processors.allowed, gpus.count)


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


def require_gpu(manifest: Manifest) -> None:
    """Raises KitError when it is for one, and there is none. Asked before a start: an image is made where there may be
    none."""
    if manifest.server.per_gpu and not gpus.count():
        raise KitError(
            f"{manifest.release} has a worker for each GPU, and nvidia-smi lists none here",
            "install NVIDIA's driver (in a container: --gpus all), or deploy a bundle of another profile",
        )
