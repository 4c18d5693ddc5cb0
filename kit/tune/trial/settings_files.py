"""The two files of a profile with other values in them, and the reason for each above it.

Everything else stays as it was written, comments included: a tuned profile is still a file for people. A comment
that explained nothing but values that were replaced, or why they were left out, goes with them.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 118


@dataclass(frozen=True)
class Setting:
    """`reason` is written above the value; "" where the line before says it already. None takes the key out."""

    key: str
    value: str | int | None
    reason: str


def in_properties(text: str, title: str, settings: Sequence[Setting]) -> str:
    """config.properties with the settings, under a comment of their own, in place of what it had."""
    kept = _without(text, {setting.key: "" for setting in settings})
    block = [*_comment(title, ""), *(line for setting in settings for line in _lines(setting, "", "="))]
    return _joined([*kept, "", *block])


def in_yaml(text: str, title: str, settings: Sequence[Setting], section: str, inside: Sequence[Setting]) -> str:
    """model-config.yaml with `settings` at its top level and `inside` in its mapping `section`."""
    kept = _without(text, {setting.key: "" for setting in settings} | {setting.key: " " for setting in inside})
    top = [*_comment(title, ""), *(line for setting in settings for line in _lines(setting, "", ": "))]
    nested = [line for setting in inside for line in _lines(setting, "  ", ": ")]
    at = next((index for index, line in enumerate(kept) if line.rstrip() == f"{section}:"), len(kept))
    above = at
    while above and kept[above - 1].startswith("#"):
        above -= 1
    lines = [*kept[:above], "", *top, "", *kept[above:at], f"{section}:", *nested, *kept[at + 1 :]]
    made = _joined(lines)
    wanted = _merged(text, settings, section, inside)
    # Whatever way of writing YAML was not foreseen here: the values count for more than the comments.
    return made if _parsed(made) == wanted else yaml.safe_dump(wanted, sort_keys=False)


def with_properties(text: str, values: Mapping[str, str]) -> str:
    """config.properties with bare values, for a file that nobody will read."""
    kept = _without(text, dict.fromkeys(values, ""))
    return "\n".join([*kept, *(f"{key}={value}" for key, value in values.items())]) + "\n"


def _joined(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _merged(text: str, settings: Sequence[Setting], section: str, inside: Sequence[Setting]) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(text) or {}
    content |= {setting.key: setting.value for setting in settings}
    content[section] = {**(content.get(section) or {}), **{setting.key: setting.value for setting in inside}}
    return {key: value for key, value in content.items() if value is not None}


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _without(text: str, keys: Mapping[str, str]) -> list[str]:
    """The lines without those keys; each comes with what its line begins with ("" or " ")."""
    kept: list[str] = []
    for comment, values in _groups(text.splitlines()):
        left = [line for line in values if not any(_sets(line, key, indent) for key, indent in keys.items())]
        explains = not values and any(re.search(rf"\b{key}\b", line) for line in comment for key in keys)
        if explains or (any(values) and not any(left)):
            continue
        kept += [*comment, *left]
    return kept


def _groups(lines: list[str]) -> list[tuple[list[str], list[str]]]:
    """Comments, each with the values below it up to the next comment or empty line; an empty line is a group too."""
    groups: list[tuple[list[str], list[str]]] = []
    for line in (one.rstrip() for one in lines):
        comment = line.lstrip().startswith("#")
        if not groups or not line or groups[-1] == ([], [""]) or (comment and groups[-1][1]):
            groups.append(([], []))
        groups[-1][0 if comment else 1].append(line)
    return groups


def _sets(line: str, key: str, indent: str) -> bool:
    return bool(re.match(rf"{'[ ]+' if indent else ''}{re.escape(key)}[ ]*[=:]", line))


def _lines(setting: Setting, indent: str, between: str) -> list[str]:
    if setting.value is None:
        return []
    said = f"{setting.key}={setting.value} ({setting.reason})"
    comment = _comment(said, indent) if setting.reason else []
    return [*comment, f"{indent}{setting.key}{between}{setting.value}"]


def _comment(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(text, WIDTH - len(indent))]
