"""Prometheus's text format, read strictly enough to know that Prometheus will read it too."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"'
# TorchServe's Java client ends the list of labels with a comma, which is allowed.
SAMPLE = re.compile(
    rf"(?P<name>{NAME})(?:\{{(?P<labels>(?:{LABEL},)*(?:{LABEL})?)\}})?[ \t]+(?P<value>\S+)(?:[ \t]+-?\d+)?[ \t]*"
)
TYPE = re.compile(rf"# TYPE (?P<name>{NAME}) (?:counter|gauge|histogram|summary|untyped)")
HELP = re.compile(rf"# HELP {NAME}(?: .*)?")


class FormatError(ValueError):
    """The text is not in the format; the message names the line."""


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


def parse(text: str) -> list[Sample]:
    if not text.endswith("\n"):
        raise FormatError("the last line does not end")
    samples: list[Sample] = []
    typed: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("# TYPE", "# HELP")):
            match = TYPE.fullmatch(line) or HELP.fullmatch(line)
            name = match.groupdict().get("name", "") if match else None
            if name is None or name in typed:
                raise FormatError(f"line {number}: {line!r}")
            typed |= {name} - {""}
        elif line.strip() and not line.startswith("#"):
            samples.append(_sample(number, line))
    return samples


def _sample(number: int, line: str) -> Sample:
    match = SAMPLE.fullmatch(line)
    if not match:
        raise FormatError(f"line {number}: {line!r}")
    try:
        value = float(match["value"])
    except ValueError:
        raise FormatError(f"line {number}: {match['value']!r} is not a number") from None
    return Sample(match["name"], dict(re.findall(LABEL, match["labels"] or "")), value)
