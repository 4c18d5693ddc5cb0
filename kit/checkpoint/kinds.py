"""What a file of weights really is, told by its bytes: names and suffixes may say anything."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from common.errors import KitError

HEAD = 4096  # bytes; the longest of the marks below lies within 512
SAFETENSORS, TORCH = "safetensors", "torch"

SAVE_A_STATE_DICT = (
    "where the file was made and is trusted, save the weights alone: "
    "torch.save(model.state_dict(), 'weights.pt'), or safetensors.torch.save_file"
)
AGAIN = "copy or download it again"
UNPACK = "unpack it, and give the weights that are in it"
OF_PYTORCH = "load it with the library that wrote it, and save the network's PyTorch state dict from there"
THE_FILE_ITSELF = "download the file itself: on GitHub by its raw link, on Hugging Face by its resolve link"

# First bytes, where in the file they stand, what the file is, what to do.
MARKS = (
    (
        b"version https://git-lfs",
        0,
        "a Git LFS pointer, which stands for the weights",
        "run `git lfs pull` where it is",
    ),
    (b"\x93NUMPY", 0, "a NumPy array", SAVE_A_STATE_DICT),
    (b"\x89HDF", 0, "an HDF5 file, as Keras writes", OF_PYTORCH),
    (b"GGUF", 0, "a GGUF file, of llama.cpp", OF_PYTORCH),
    (b"TFL3", 4, "a TensorFlow Lite model", OF_PYTORCH),
    (b"ET", 4, "an ExecuTorch program, not weights", SAVE_A_STATE_DICT),
    (b"\x1f\x8b", 0, "a gzip archive", UNPACK),
    (b"BZh", 0, "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ", 0, "an xz archive", UNPACK),
    (b"7z\xbc\xaf", 0, "a 7-Zip archive", UNPACK),
    (b"(\xb5/\xfd", 0, "a Zstandard archive", UNPACK),
    (b"ustar", 257, "a tar archive", UNPACK),
    (b"\xff\xd8\xff", 0, "a picture", "WEIGHTS=<the file of weights>; pictures go into PICTURES"),
    (b"\x89PNG", 0, "a picture", "WEIGHTS=<the file of weights>; pictures go into PICTURES"),
)
# A name's ending inside a ZIP archive, what the archive is, what to do.
MEMBERS = (
    ("MAR-INF/MANIFEST.json", "a TorchServe archive, not weights", SAVE_A_STATE_DICT),
    ("serialized_exported_program.json", "a program of torch.export, not weights", SAVE_A_STATE_DICT),
    ("archive_format", "a program of torch.export, not weights", SAVE_A_STATE_DICT),
    ("constants.pkl", "a TorchScript program, not weights", SAVE_A_STATE_DICT),
    (".npy", "a NumPy archive", SAVE_A_STATE_DICT),
    ("model.weights.h5", "a Keras model", OF_PYTORCH),
)


@dataclass(frozen=True)
class Other:
    """What a file is that holds no weights the kit reads, with its article, and what to do about it."""

    what: str
    hint: str


def form(path: Path) -> str:
    """SAFETENSORS or TORCH. Raises KitError, saying what the file is, for any other and for one cut short."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise KitError(f"the weights {path} are an empty file", AGAIN)
    if is_safetensors(head):
        _check_length(path, size)
        return SAFETENSORS
    if _is_pickle(head):
        return TORCH
    if other := _in_zip(path, size) if head.startswith(b"PK") else other_than_weights(head):
        raise KitError(f"the weights {path} are {other.what}", other.hint)
    return TORCH


def is_safetensors(head: bytes) -> bool:
    """Eight bytes with the length of a JSON header, and the header."""
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 30


def _is_pickle(head: bytes) -> bool:
    """A torch file of before 1.6: pickles, which begin with their protocol."""
    return head[:1] == b"\x80" and 2 <= head[1] <= 5


def other_than_weights(head: bytes) -> Other:
    """What a file is whose first bytes are neither safetensors' nor torch's."""
    for mark, at, what, hint in MARKS:
        if head[at : at + len(mark)] == mark:
            return Other(what, hint)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return Other("an HTML page: what a link to a page answers, or a login", THE_FILE_ITSELF)
    if text.startswith(b"<"):
        return Other("an XML document, as a store answers with an error", THE_FILE_ITSELF)
    if text.startswith(b"{") and b'"weight_map"' in text:
        return Other(
            "the index of a checkpoint in several files", "merge them into one file: safetensors.torch.save_file"
        )
    if text.startswith((b"{", b"[")):
        return Other("a JSON document", "WEIGHTS=<the file of weights>")
    if b"pytorch" in head[:64] or b"onnx" in head[:64]:
        return Other("an ONNX model, not weights", SAVE_A_STATE_DICT)
    return Other(f"neither a torch checkpoint nor safetensors: they begin with {head[:12]!r}", AGAIN)


def _in_zip(path: Path, size: int) -> Other | None:
    """What a ZIP archive is; None for a torch checkpoint."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return Other(f"cut short: the end of a torch checkpoint is missing ({size:,} bytes are here)", AGAIN)
    for ending, what, hint in MEMBERS:
        if any(name.endswith(ending) for name in names):
            return Other(what, hint)
    if any(name.endswith("data.pkl") for name in names):
        return None
    return Other(f"a ZIP archive and no torch checkpoint; it holds {', '.join(names[:3]) or 'nothing'}", UNPACK)


def _check_length(path: Path, size: int) -> None:
    """Raises KitError when a safetensors file is shorter than its own header says."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length)) if 8 + length <= size else None
            ends = [row["data_offsets"][1] for name, row in header.items() if name != "__metadata__"] if header else []
            whole = 8 + length + max(ends, default=0)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return  # not JSON, or of another shape: the library names what is wrong with it
    if size < whole:
        raise KitError(
            f"the weights {path} are cut short: {size:,} of at least {whole:,} bytes of a safetensors file", AGAIN
        )
