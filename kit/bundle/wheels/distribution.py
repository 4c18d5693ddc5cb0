"""What a wheel says about itself, for the SBOM and the licence list."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from common.errors import KitError
from kit.bundle.wheels import inside
from kit.bundle.wheels.inside import Inside

NOT_SAID = "not stated"
TOO_LONG = 100  # characters; a `License` field may hold a whole licence's text


@dataclass(frozen=True)
class Distribution:
    """`licence` is an SPDX expression when `is_expression`, or else its author's words. `holds`: what else is in it."""

    file: str
    name: str
    version: str
    licence: str
    is_expression: bool
    holds: tuple[Inside, ...]


def read(wheel: Path) -> Distribution:
    """Raises KitError when it is not a wheel."""
    try:
        with zipfile.ZipFile(wheel) as opened:
            names = opened.namelist()
            described = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            metadata, _ = parse_email(opened.read(described))
            holds = inside.of(opened)
        name, version = canonicalize_name(metadata["name"]), metadata["version"]
    except (zipfile.BadZipFile, StopIteration, KeyError) as error:
        raise KitError(f"{wheel.name} is not a wheel: {error or 'it has no METADATA'}", f"rm {wheel}") from None
    return Distribution(wheel.name, name, version, *licence(metadata), holds)


def licence(metadata: RawMetadata) -> tuple[str, bool]:
    """The licence, and whether that is an SPDX expression."""
    if expression := metadata.get("license_expression"):
        return expression, True
    said = " ".join(metadata.get("license", "").split())
    if said and len(said) <= TOO_LONG:
        return said, False
    classified = [row.rpartition(" :: ")[2] for row in metadata.get("classifiers", []) if row.startswith("License ::")]
    return "; ".join(classified) or NOT_SAID, False
