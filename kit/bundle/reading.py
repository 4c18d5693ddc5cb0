"""A bundle opened on the workstation, believed only after every hash and the signature were checked."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from common.errors import KitError, UsageError
from common.manifest import AGAIN, Manifest
from kit.bundle import manifest as manifests
from kit.bundle import signing
from kit.bundle.tarball import BLOBS, MANIFEST, PROGRAM, SIGNATURE
from kit.files import replacing

CHUNK = 1 << 20
SMALL = 4 << 20  # bytes; more than any manifest or program has


@dataclass(frozen=True)
class Bundle:
    """`program` is box.pyz's content; `signed_by` names the key, and the principal when signers were given.
    `offsets` say where in the file each blob begins."""

    file: Path
    manifest: Manifest
    signature: bytes
    signed_by: str
    program: bytes
    offsets: Mapping[str, int]

    def extract(self, folder: Path, hashes: Iterable[str]) -> None:
        """Write folder/<sha256> for each; what lies there in full is left. Raises KitError when the file has changed
        since it was read."""
        sizes = self.manifest.blobs()
        with self.file.open("rb") as stream:
            for digest in hashes:
                path = folder / digest
                if path.is_file() and path.stat().st_size == sizes[digest]:
                    continue
                stream.seek(self.offsets[digest])
                with replacing(path) as temporary, temporary.open("wb") as target:
                    found = hashlib.sha256()
                    for chunk in _chunks(stream, sizes[digest]):
                        found.update(chunk)
                        target.write(chunk)
                    if found.hexdigest() != digest:
                        raise _broken(self.file, f"blob {digest[:12]} has changed since it was read")


def newest(folder: Path) -> list[Path]:
    """The bundles in a folder, the newest first."""
    return sorted(folder.glob("*.bundle"), key=lambda path: (path.stat().st_mtime, path.name), reverse=True)


def manifest_of(file: Path) -> Manifest:
    """The manifest alone, nothing checked: for choosing among bundles. Raises KitError when the file is not a
    bundle."""
    with _opened(file) as tar:
        return manifests.parse(_small(file, tar, tar.next(), MANIFEST))


def read(file: Path, allowed_signers: Path | None = None) -> Bundle:
    """Every hash and the signature checked, in one pass over the file. Raises KitError naming what is wrong."""
    with _opened(file) as tar:
        text, signature, program = (_small(file, tar, tar.next(), name) for name in (MANIFEST, SIGNATURE, PROGRAM))
        signed_by = signing.check(text, signature, allowed_signers)
        manifest = manifests.parse(text)
        offsets = dict(_blobs(file, tar, manifest))
    paths = {part.sha256: part.path for part in manifest.parts}
    if missing := sorted(paths[digest] for digest in set(paths) - set(offsets)):
        raise _broken(file, f"{missing[0]} is missing")
    programs = [part.sha256 for part in manifest.parts if part.role == "program"]
    if programs != [hashlib.sha256(program).hexdigest()]:
        raise _broken(file, f"its {PROGRAM} is not the one in the manifest")
    return Bundle(file, manifest, signature, signed_by, program, offsets)


def _blobs(file: Path, tar: tarfile.TarFile, manifest: Manifest) -> Iterator[tuple[str, int]]:
    sizes, paths = manifest.blobs(), {part.sha256: part.path for part in manifest.parts}
    seen: set[str] = set()
    while (entry := tar.next()) is not None:
        digest = entry.name.removeprefix(BLOBS)
        if not entry.isreg() or entry.name != BLOBS + digest or digest not in sizes or digest in seen:
            raise _broken(file, f"it holds {entry.name}, which is not in its manifest")
        seen.add(digest)
        stream = tar.extractfile(entry)
        found = hashlib.sha256()
        for chunk in _chunks(stream, entry.size) if stream else ():
            found.update(chunk)
        if entry.size != sizes[digest] or found.hexdigest() != digest:
            raise _broken(file, f"{paths[digest]} is not what was signed")
        yield digest, entry.offset_data


def _small(file: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo | None, name: str) -> bytes:
    if entry is None or entry.name != name or not entry.isreg() or entry.size > SMALL:
        raise _broken(file, f"{name} is not where it should be")
    stream = tar.extractfile(entry)
    return stream.read() if stream else b""


def _chunks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := stream.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:") as tar:
            yield tar
    except FileNotFoundError:
        raise UsageError(f"{file} does not exist", "make bundle, or name one: BUNDLE=<file>.bundle") from None
    except (OSError, tarfile.TarError) as error:
        raise _broken(file, str(error)) from None


def _broken(file: Path, what: str) -> KitError:
    return KitError(f"{file} is not a whole bundle: {what}", f"get it again, or {AGAIN}")
