"""The profile's model-config.yaml as it goes into the archive: with the precision and the runtime that the model really
has."""

from __future__ import annotations

import re
from typing import Any

import yaml

import kit.handlers  # noqa: F401
from common.errors import UsageError
from handler_settings import sample, settings
from kit.model import runtimes
from kit.profiles import MODEL_CONFIG, SECTION, Profile


def text(profile: Profile, precision: str, runtime: str) -> str:
    """The file as it is where it says so already; else with those values, and its comments if at all possible. Raises
    UsageError for what the handler would not take."""
    wanted = profile.read_model_config()
    made = _dump(wanted) if profile.model else profile.model_config.read_text(encoding="utf-8")
    try:
        settings(wanted)
        sample(wanted)
    except ValueError as error:
        raise UsageError(str(error).replace(MODEL_CONFIG, str(profile.model_config), 1)) from None
    section = dict(wanted.get(SECTION) or {})
    for key, value in (("precision", precision), ("runtime", runtime)):
        if section.get(key, runtimes.TORCH if key == "runtime" else None) != value:
            section[key] = value
            made = _with(made, key, value)
    if section == (wanted.get(SECTION) or {}):
        return made
    wanted[SECTION] = section
    if yaml.safe_load(made) == wanted:
        return made
    return _dump(wanted)


def _dump(settings: dict[str, Any]) -> str:
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)


def _with(text: str, key: str, value: str) -> str:
    """In the line of that key, or in a new one below the section's own."""
    changed, lines = re.subn(
        rf"^( +{key}:) *([^#\n]*?) *(#.*)?$", rf"\1 {value}  # asked for; the profile says \2", text, flags=re.MULTILINE
    )
    if lines:
        return changed
    return re.sub(rf"^({SECTION}: *(?:#.*)?)$", rf"\1\n  {key}: {value}  # asked for", text, flags=re.MULTILINE)
