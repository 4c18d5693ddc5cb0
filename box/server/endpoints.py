"""The running server as other processes of this program see it."""

from __future__ import annotations

from typing import Any

from box.state import settings
from box.state.paths import Paths
from common import durable
from common.server.torchserve import Inference, Management


def inference(paths: Paths) -> Inference:
    """Where the server listens, which may not be yet where box.json says."""
    address = own_word(paths).get("address")
    chosen = settings.BoxSettings(str(address)) if address else settings.load(paths)
    return Inference(chosen.asking_address, paths.inference_header, probe=True)


def other_address(paths: Paths) -> str:
    """Where the server listens, when box.json says another address by now; else ""."""
    address = str(own_word(paths).get("address", ""))
    return address if address != settings.load(paths).inference_address else ""


def management(paths: Paths) -> Management:
    return Management(f"unix:{paths.socket}", paths.management_header)


def own_word(paths: Paths) -> dict[str, Any]:
    """What the supervisor wrote about itself: release, phase, pid, java, address, since. Empty when there is none."""
    return durable.read_object(paths.server_state)
