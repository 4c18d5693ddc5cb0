"""YAML whose values know their line, so that a wrong one is reported as file:line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from common.errors import UsageError

# No number of a fleet file is larger; `.inf` is none of it.
MOST = 1e9


@dataclass(frozen=True)
class Located:
    """One value of a YAML file, and where it stands."""

    file: Path
    node: yaml.Node

    @property
    def place(self) -> str:
        return f"{self.file}:{self.node.start_mark.line + 1}"

    def wrong(self, message: str, hint: str = "") -> UsageError:
        return UsageError(f"{self.place}: {message}", hint)

    def mapping(self, what: str, known: Iterable[str] | None = None) -> dict[str, Located]:
        """Its keys and values. Raises UsageError for a key that is not `known` (None: any), or given twice."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"{what} must be a mapping of names to values")
        found: dict[str, Located] = {}
        for key_node, value in self.node.value:
            at = Located(self.file, key_node)
            key = at.text("a key")
            if known is not None and key not in known:
                raise at.wrong(f"{what} has no {key!r}", suggestion(key, known))
            if key in found:
                raise at.wrong(f"{key!r} is given twice", f"the first is at {found[key].place}; keep one")
            found[key] = Located(self.file, value)
        return found

    def items(self, what: str) -> list[Located]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"{what} must be a list")
        return [Located(self.file, item) for item in self.node.value]

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def text(self, what: str) -> str:
        value = self._scalar(what)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{what} must be a text, not {value!r}")
        return value

    def number(self, what: str, least: float, most: float = MOST) -> float:
        value = self._scalar(what)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            limits = f"{least:g} or more" if most == MOST else f"{least:g} to {most:g}"
            raise self.wrong(f"{what} must be a number, {limits}, not {value!r}")
        return value

    def whole(self, what: str, least: int) -> int:
        value = self.number(what, least)
        if value != int(value):
            raise self.wrong(f"{what} must be a whole number, not {value:g}")
        return int(value)

    def _scalar(self, what: str) -> Any:
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong(f"{what} must be a single value")
        try:
            return yaml.SafeLoader("").construct_object(self.node)
        except (yaml.YAMLError, ValueError, OverflowError, KeyError):  # a tag of a program's own, a date that is none
            raise self.wrong(
                f"{what} is not a kind of value that belongs here: {str(self.node.value)[:60]!r}"
            ) from None


def read(file: Path) -> Located:
    """A YAML file. Raises UsageError when it does not exist, is not YAML or is empty."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{file} is not YAML: {error}") from None
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply to be a fleet file") from None
    if node is None:
        raise UsageError(f"{file} is empty")
    return Located(file, node)


def suggestion(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known)}"
