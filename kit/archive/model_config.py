"""The profile's model-config.yaml as it goes into the archive: with the precision that the model really has."""

from __future__ import annotations

import re

import yaml

from kit.profiles import Profile

PRECISION = re.compile(r"^( +precision:) *([^#\n]*?) *(#.*)?$", re.MULTILINE)


def text(profile: Profile, precision: str) -> str:
    """The file as it is where it says so already; else with that value, and its comments if at all possible."""
    original = profile.model_config.read_text(encoding="utf-8")
    wanted = profile.read_model_config()
    handler = wanted.get("handler") or {}
    if handler.get("precision") == precision:
        return original
    wanted["handler"] = {**handler, "precision": precision}
    made = PRECISION.sub(rf"\1 {precision}  # asked for; the profile says \2", original)
    if yaml.safe_load(made) == wanted:
        return made
    return yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True)
