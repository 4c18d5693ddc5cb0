"""What goes into a release besides its wheels, by path; and whether the archive fits the box at all."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import KitError, UsageError
from common.gateway import nginx_files
from common.manifest import NAME
from kit import golden
from kit.archive import model_config
from kit.build import PROJECT
from kit.bundle.tarball import Content
from kit.bundle.target import BoxTarget
from kit.model.precision.hardware import ENGINES
from kit.model.precision.precisions import ONNX_ENGINE
from kit.profiles import MODEL_CONFIG, MODELS, PROPERTIES, Profile
from kit.serving import preflight
from kit.serving.launch import LOG_CONFIG

# Role and content of parts, by their path in the release.
Contents = dict[str, tuple[str, Content]]


def check_archive(profile: Profile, target: BoxTarget) -> dict[str, Any]:
    """archive.json's content. Raises KitError when there is no whole archive, it was made for another processor, or
    the profile was changed since."""
    hint = f"make archive {profile.variables} PLATFORM={target.platform}"
    build = profile.build
    archive = preflight.check_archive(build.archive_report, build.folder, hint)
    engine = (archive["provenance"]["quantization"] or {}).get("engine")
    if engine not in (None, ENGINES[target.platform], ONNX_ENGINE):
        raise KitError(
            f"{archive['file']} was made for another processor: its int8 runs on torch's {engine} engine, "
            f"{target.platform} has {ENGINES[target.platform]}",
            hint,
        )
    for variable, name in (("MODEL_NAME", archive["model_name"]), ("MODEL_VERSION", archive["model_version"])):
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{variable}={name} cannot be part of a release's name: letters, digits and . _ + - only",
                f"{hint} {variable}=<another>",
            )
    with zipfile.ZipFile(build.folder / archive["file"]) as mar:
        inside = mar.read(MODEL_CONFIG).decode()
    made = archive["provenance"]
    if inside != model_config.text(profile, made["precision"], made["runtime"]):
        raise KitError(f"{profile.model_config} was changed after {archive['file']} was made", hint)
    return archive


def small_files(profile: Profile, units: Path) -> Contents:
    """The configuration, the gateway, the units and the golden pictures."""
    files = {
        f"config/{PROPERTIES}": ("config", profile.properties),
        f"config/{MODEL_CONFIG}": ("config", profile.model_config),
        f"config/{LOG_CONFIG.name}": ("config", LOG_CONFIG),
        **{str(path.relative_to(PROJECT)): ("config", path) for path in nginx_files.sources(PROJECT)},
        **{f"systemd/{path.name}": ("unit", path) for path in units.glob("*.service")},
        **{path: ("golden", each.picture) for one in profile.models() for path, each in pictures(one).items()},
    }
    if profile.listed():
        files[f"config/{MODELS}"] = ("config", profile.folder / MODELS)
    return {path: (role, source.read_bytes()) for path, (role, source) in files.items()}


def golden_section(profile: Profile) -> dict[str, Any]:
    found = pictures(profile)
    return {
        "tolerance": next(iter(found.values())).tolerance,
        "pictures": [{"file": path, "expected": dict(each.expected)} for path, each in found.items()],
    }


def pictures(profile: Profile) -> dict[str, golden.Golden]:
    """The golden pictures by their path in the release; one whose own name could be no box's gets a number."""
    found = golden.load(profile.build.golden, f"make archive {profile.variables}")
    names = [each.picture.name for each in found]
    safe = [name if NAME.fullmatch(name) else f"picture-{index}" for index, name in enumerate(names)]
    folder = f"golden/{profile.model}" if profile.model else "golden"
    return {f"{folder}/{name}": each for name, each in zip(safe, found, strict=True)}


def model_section(archive: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": archive["model_name"],
        "version": archive["model_version"],
        "archive": archive["file"],
        "sha256": archive["sha256"],
        "precision": archive["provenance"]["precision"],
    }
