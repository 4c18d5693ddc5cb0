"""Opens a finished archive and makes sure that what TorchServe will find in it is what went in, and works."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from common.durable import sha256
from common.errors import KitError
from kit import golden
from kit.archive.packing import MANIFEST
from kit.archive.parts import Parts
from kit.model import backend
from kit.model.pictures.decoding import decode
from kit.model.source.preprocessing import Preprocessing


def check(archive: Path, parts: Parts, said: Mapping[str, Any], golden_folder: Path) -> None:
    """`said`: its provenance. Raises KitError naming the first thing in the archive that is not as it should be."""
    try:
        with zipfile.ZipFile(archive) as opened:
            _check_members(opened, parts)
            _check_manifest(json.loads(opened.read(MANIFEST)), parts, said)
            _check_sources(opened, parts)
            _check_answer(opened, parts, said["runtime"], golden_folder)
    except (zipfile.BadZipFile, yaml.YAMLError, SyntaxError, ValueError, RuntimeError) as error:
        raise _wrong(f"{type(error).__name__}: {str(error).strip()[:300]}") from None


def _check_members(opened: zipfile.ZipFile, parts: Parts) -> None:
    wanted = {*parts.files, MANIFEST}
    if set(opened.namelist()) != wanted:
        raise _wrong(f"it holds {sorted(set(opened.namelist()) ^ wanted)} too much or too little")
    for name, path in parts.files.items():
        with opened.open(name) as member:
            digest = hashlib.sha256()
            for chunk in iter(lambda member=member: member.read(1 << 20), b""):  # type: ignore[misc]
                digest.update(chunk)
        if digest.hexdigest() != sha256(path):
            raise _wrong(f"{name} differs from {path}")


def _check_manifest(manifest: dict[str, Any], parts: Parts, said: Mapping[str, Any]) -> None:
    wanted = {
        "modelName": said["model_name"],
        "modelVersion": said["model_version"],
        "serializedFile": parts.serialized,
        "handler": parts.handler,
        "configFile": parts.config,
    }
    for key, value in wanted.items():
        if (found := manifest.get("model", {}).get(key)) != value:
            raise _wrong(f"its manifest says {key}: {found!r} in place of {value!r}")


def _check_sources(opened: zipfile.ZipFile, parts: Parts) -> None:
    if not isinstance(yaml.safe_load(opened.read(parts.config)), dict):
        raise _wrong(f"{parts.config} holds no settings")
    for name in parts.files:
        if name.endswith(".py"):
            compile(opened.read(name), name, "exec")


def _check_answer(opened: zipfile.ZipFile, parts: Parts, runtime: str, golden_folder: Path) -> None:
    """The model, loaded from the archive's own bytes, answers a golden picture as the original did."""
    model = backend.of(runtime).load(io.BytesIO(opened.read(parts.serialized)))
    labels = json.loads(opened.read("index_to_name.json"))
    steps = Preprocessing(**json.loads(opened.read("preprocessing.json")))
    first = golden.load(golden_folder, "make export")[0]
    with torch.inference_mode():
        probabilities = model(decode(first.picture, steps).unsqueeze(0))[0].tolist()
    if len(labels) != len(probabilities):
        raise _wrong(f"{len(labels)} labels for {len(probabilities)} outputs")
    ranked = sorted(enumerate(probabilities), key=lambda answer: -answer[1])
    if said := first.mismatch({labels[str(index)]: probability for index, probability in ranked}):
        raise _wrong(said)


def _wrong(what: str) -> KitError:
    return KitError(f"the archive is not right and was not written: {what}", "make export, then make archive")
