"""The precisions a model is exported in, and how near the original each has to stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.errors import UsageError
from kit.profiles import Profile


@dataclass(frozen=True)
class Precision:
    """`agreement`: least share of pictures with the same first answer as the original. `difference`: every
    probability must be nearer than this, or None where rounding forbids such a promise."""

    name: str
    agreement: float
    difference: float | None


PRECISIONS = {
    "fp32": Precision("fp32", agreement=1.0, difference=1e-3),
    "fp16": Precision("fp16", agreement=0.98, difference=None),
}
DEFAULT = "fp32"


def of(profile: Profile) -> Precision:
    """What the profile's model-config.yaml asks for with `handler: {precision: …}`."""
    section: Any = profile.read_model_config().get("handler") or {}
    if not isinstance(section, dict):
        raise UsageError(f"{profile.model_config}: `handler:` must hold settings, not {section!r}")
    wanted = section.get("precision", DEFAULT)
    if not isinstance(wanted, str) or wanted not in PRECISIONS:
        raise UsageError(
            f"{profile.model_config}: precision {wanted!r} is not one of {', '.join(PRECISIONS)}",
            "set `precision:` in its `handler:` section to one of them",
        )
    return PRECISIONS[wanted]
