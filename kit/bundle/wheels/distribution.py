"""What a wheel says about itself, for the SBOM and the licence list."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name

from common.errors import KitError

NOT_SAID = "not stated"
TOO_LONG = 100  # characters; a `License` field may hold a whole licence's text
JAVA_RELEASE = re.compile(r'^JAVA_VERSION="([^"]+)"', re.MULTILINE)
NETTY = re.compile(r"^([a-z0-9-]+)\.version=(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Distribution:
    """`licence` is an SPDX expression when `is_expression`, otherwise the author's words. `java` is the version of the
    Java runtime in it and `netty` that of the HTTP library in its jar, "" when there is none."""

    file: str
    name: str
    version: str
    licence: str
    is_expression: bool
    java: str
    netty: str


def read(wheel: Path) -> Distribution:
    """Raises KitError when it is not a wheel."""
    try:
        with zipfile.ZipFile(wheel) as opened:
            names = opened.namelist()
            inside = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            metadata, _ = parse_email(opened.read(inside))
            java, netty = _java(opened, names), _netty(opened, names)
        name, version = canonicalize_name(metadata["name"]), metadata["version"]
    except (zipfile.BadZipFile, StopIteration, KeyError) as error:
        raise KitError(f"{wheel.name} is not a wheel: {error or 'it has no METADATA'}", f"rm {wheel}") from None
    return Distribution(wheel.name, name, version, *licence(metadata), java, netty)


def licence(metadata: RawMetadata) -> tuple[str, bool]:
    """The licence, and whether that is an SPDX expression."""
    if expression := metadata.get("license_expression"):
        return expression, True
    said = " ".join(metadata.get("license", "").split())
    if said and len(said) <= TOO_LONG:
        return said, False
    classified = [row.rpartition(" :: ")[2] for row in metadata.get("classifiers", []) if row.startswith("License ::")]
    return "; ".join(classified) or NOT_SAID, False


def _java(opened: zipfile.ZipFile, names: list[str]) -> str:
    release = next((name for name in names if name.endswith("/java-runtime/release")), "")
    found = JAVA_RELEASE.search(opened.read(release).decode()) if release else None
    return found[1] if found else ""


def _netty(opened: zipfile.ZipFile, names: list[str]) -> str:
    """TorchServe's one jar names no Java library that it holds but this, the one that reads what the network sends."""
    jar = next((name for name in names if name.endswith("/model-server.jar")), "")
    if not jar:
        return ""
    with opened.open(jar) as stream, zipfile.ZipFile(stream) as inner:
        if "META-INF/io.netty.versions.properties" not in inner.namelist():
            return ""
        found = NETTY.search(inner.read("META-INF/io.netty.versions.properties").decode())
        return found[2] if found else ""
