"""A file that is not weights is called what it is."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from common.errors import KitError
from kit.checkpoint import kinds
from kit.model.deprecated import torchscript

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 46830571\n"


def numpy_archive() -> bytes:
    written = io.BytesIO()
    np.savez(written, a=np.zeros(3))
    return written.getvalue()


def numpy_array() -> bytes:
    written = io.BytesIO()
    np.save(written, np.zeros(3))
    return written.getvalue()


def zipped(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return written.getvalue()


def tarred(mode: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("weights.pt"))
    return written.getvalue()


def picture(form: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (9, 9)).save(written, form)
    return written.getvalue()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (LFS, "a Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html><title>Sign in</title>", "an HTML page"),
        (b"<html><body>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b'{"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}', "the index of a checkpoint"),
        (b'{"architectures": ["ResNet"]}', "a JSON document"),
        (numpy_archive(), "a NumPy archive"),
        (numpy_array(), "a NumPy array"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file, as Keras writes"),
        (zipped("config.json", "model.weights.h5"), "a Keras model"),
        (zipped("MAR-INF/MANIFEST.json", "model.pt"), "a TorchServe archive"),
        (zipped("notes.txt"), "a ZIP archive and no torch checkpoint; it holds notes.txt"),
        (zipped(), "a ZIP archive and no torch checkpoint; it holds nothing"),
        (tarred("w"), "a tar archive"),
        (tarred("w:gz"), "a gzip archive"),
        (tarred("w:bz2"), "a bzip2 archive"),
        (tarred("w:xz"), "an xz archive"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.4.0", "an ONNX model"),
        (b"GGUF\x03\x00\x00\x00", "a GGUF file"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model"),
        (b"\x1c\x00\x00\x00ET12\x14\x00", "an ExecuTorch program"),
        (picture("JPEG"), "a picture"),
        (picture("PNG"), "a picture"),
        (b"RIFF....", "neither a torch checkpoint nor safetensors: they begin with b'RIFF....'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "a file",  # an archive's bytes hold the time
)
def test_what_it_is_and_what_to_do(tmp_path: Path, suffix: str, content: bytes, what: str) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(KitError) as raised:
        kinds.form(file)
    assert f"{file} are {what}" in raised.value.message
    assert raised.value.hint


def test_programs_are_no_weights(tmp_path: Path) -> None:
    network, example = nn.Linear(2, 2).eval(), (torch.zeros(1, 2),)
    torchscript.save_plain_trace(network, *example, tmp_path / "script.pt")
    torch.export.save(torch.export.export(network, example), tmp_path / "program.pt2")
    for name, what in (("script.pt", "a TorchScript program"), ("program.pt2", r"a program of torch\.export")):
        with pytest.raises(KitError, match=what):
            kinds.form(tmp_path / name)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_download_that_was_cut_off_is_told(tmp_path: Path, share: float) -> None:
    save_file({"a": torch.zeros(4000)}, str(tmp_path / "w.safetensors"))
    torch.save({"a": torch.zeros(4000)}, tmp_path / "w.pt")
    for name in ("w.safetensors", "w.pt"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(KitError, match="cut short"):
            kinds.form(tmp_path / name)


def test_a_safetensors_header_that_is_no_json_is_left_to_the_library(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    for header in (b"{not json}", b"{" + b"[" * 5000, b'{"a": 5}', b'{"a": {"data_offsets": []}}'):
        file.write_bytes(len(header).to_bytes(8, "little") + header)
        assert kinds.form(file) == kinds.SAFETENSORS
