"""The profile's `gate:`: what a release must keep to on a box, or the box goes back to the one before."""

from __future__ import annotations

from typing import Any

from common.errors import UsageError
from common.manifest import OF_MEMORY
from kit.model import runtimes
from kit.profiles import Profile

# With units; the values' reasons stand above them in config/edge/model-config.yaml.
LIMITS = {
    "requests": "predictions to time",
    "p95_ms": "milliseconds that 95 % of them may take",
    "memory_mb": "MB of memory for all of the server's processes together",
    "ready_seconds": "seconds until every worker is READY",
    "memory_free_mb": "MB that must be free before a start",
    "second_worker_mb": "MB that must be free to load a new version beside the old one",
}


OF_A_MODEL = ("requests", "p95_ms")  # the others are of the whole server
# Of each worker after the first, where their number is left to the machine, and not otherwise.
EACH_WORKER = {"more_worker_mb": "MB of memory that each worker after the first adds"}
# MB that torch takes above ONNX Runtime, by a server's processes together (465 and 245 measured on x86-64).
TORCH_MB = 250


def of(profile: Profile, runtime: str, workers: int) -> dict[str, int]:
    """Every limit by name, for a model that `runtime` runs: torch in a profile for ONNX Runtime has more memory.
    `workers` 0: as many as the box has processors. Raises UsageError naming the first one that is missing, unknown or
    no positive number."""
    section: Any = profile.read_model_config().get("gate")
    if not isinstance(section, dict):
        raise UsageError(
            f"{profile.model_config} has no `gate:` section, so a box could not tell a good release from a bad one",
            "PROFILE=edge, or copy that section from config/edge/model-config.yaml and set its limits",
        )
    limits = LIMITS if workers else LIMITS | EACH_WORKER
    for name in section:
        if name not in limits:
            raise UsageError(
                f"{profile.model_config}: gate: {name} is not a limit here", f"the limits are {', '.join(limits)}"
            )
    for name, meaning in limits.items():
        value = section.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            found = f"is {value!r}" if name in section else "is missing"
            raise UsageError(f"{profile.model_config}: gate: {name} {found}", f"{name}: <a whole number of {meaning}>")
    other = runtime == runtimes.TORCH and runtimes.asked_for(profile, "") == runtimes.ONNX
    return {name: section[name] + (TORCH_MB if other and name in OF_MEMORY else 0) for name in limits}
