"""What goes into an archive, and whether those files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.durable import sha256
from common.errors import KitError, UsageError
from kit.build import Build
from kit.files import read_json
from kit.model import runtimes
from kit.model.precision import precisions
from kit.profiles import MODEL_CONFIG, Profile

ENTRY = "image_classifier.py"
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Parts:
    """Files by the name they have in the archive; `serialized`, `handler` and `config` have a role in it too."""

    files: Mapping[str, Path]
    serialized: str
    handler: str = ENTRY
    config: str = MODEL_CONFIG

    @property
    def extra(self) -> list[str]:
        return sorted(set(self.files) - {self.serialized, self.handler, self.config})


def read_export(profile: Profile, precision: str = "", runtime: str = "") -> dict[str, Any]:
    """The export's report. Raises KitError when there is no export, its files are not of one piece, or it is in another
    precision or for another runtime than PRECISION and RUNTIME (`precision`, `runtime`) or the profile ask for."""
    build, hint = profile.build, export_again(profile)
    _need(profile, build.export_report)
    report = read_json(build.export_report, hint)
    try:
        model, exported, _ = build.model(report["model"]["file"]), report["model"]["sha256"], report["runtime"]
    except (KeyError, TypeError):
        raise KitError(f"{_shown(profile, build.export_report)} is not an export's report", hint) from None
    for path in (model, build.labels, build.preprocessing):
        _need(profile, path)
    if sha256(model) != exported:
        raise KitError(f"{_shown(profile, model)} is not the one that was exported", hint)
    for variable, given, asked in (
        ("precision", precision, precisions.asked_for(profile, precision)),
        ("runtime", runtime, runtimes.asked_for(profile, runtime)),
    ):
        name, was = variable.upper(), report[variable]
        if asked not in (was, report[f"{variable}_asked"]):
            whose = name if given else "the profile now"
            raise KitError(
                f"{model.name} was exported with {variable} {was}, {whose} asks for {asked}",
                f"{hint}{f' {name}={given}' if given else ''}, or keep it: {name}={was}",
            )
    return dict(report)


def _need(profile: Profile, path: Path) -> None:
    if not path.is_file():
        raise KitError(f"{_shown(profile, path)} does not exist", export_again(profile))


def _shown(profile: Profile, path: Path) -> str:
    return f"build/{profile.name}/{path.relative_to(profile.server_build.folder)}"


def export_again(profile: Profile) -> str:
    return f"make export {profile.variables}"


def collect(build: Build, model: str, model_config: Path, handlers: Path, provenance: Path) -> Parts:
    """All the files. Raises KitError when one is missing, UsageError when two have one name."""
    if not (handlers / ENTRY).is_file():
        raise KitError(f"{handlers / ENTRY} does not exist", "the handler is part of the kit: restore it")
    sources = sorted(path for path in handlers.glob("*.py") if path.name != "__init__.py")
    named: dict[str, Path] = {}
    drift = [build.baseline] if build.baseline.exists() else []
    for path in (build.model(model), build.labels, build.preprocessing, *drift, model_config, *sources):
        if path.name in named:
            raise UsageError(f"{path} and {named[path.name]} would have one name in the archive", "rename one")
        named[path.name] = path
    return Parts({**named, PROVENANCE: provenance}, model)
