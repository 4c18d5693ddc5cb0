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
from kit.model.precision import precisions
from kit.profiles import MODEL_CONFIG, Profile

ENTRY = "image_classifier.py"
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Parts:
    """Files by the name they have in the archive; `serialized`, `handler` and `config` have a role in it too."""

    files: Mapping[str, Path]
    serialized: str = "model.pt"
    handler: str = ENTRY
    config: str = MODEL_CONFIG

    @property
    def extra(self) -> list[str]:
        return sorted(set(self.files) - {self.serialized, self.handler, self.config})


def read_export(profile: Profile, wanted: str = "") -> dict[str, Any]:
    """The export's report. Raises KitError when there is no export, its files are not of one piece, or it is in
    another precision than PRECISION (`wanted`) or the profile asks for."""
    build, hint = profile.build, export_again(profile)
    for path in (build.model, build.export_report, build.labels, build.preprocessing):
        if not path.is_file():
            raise KitError(f"build/{profile.name}/{path.name} does not exist", hint)
    report = read_json(build.export_report, hint)
    try:
        exported = report["model"]["sha256"]
    except (KeyError, TypeError):
        raise KitError(f"build/{profile.name}/{build.export_report.name} is not an export's report", hint) from None
    if sha256(build.model) != exported:
        raise KitError(f"build/{profile.name}/model.pt is not the one that was exported", hint)
    asked = precisions.asked_for(profile, wanted)
    if asked not in (report["precision"], report.get("precision_asked")):
        whose = "PRECISION" if wanted else "the profile now"
        raise KitError(
            f"model.pt was exported in {report['precision']}, {whose} asks for {asked}",
            f"{hint}{f' PRECISION={wanted}' if wanted else ''}, or keep it: PRECISION={report['precision']}",
        )
    return dict(report)


def export_again(profile: Profile) -> str:
    return f"make export PROFILE={profile.name}"


def collect(build: Build, model_config: Path, handlers: Path, provenance: Path) -> Parts:
    """All the files. Raises KitError when one is missing, UsageError when two have one name."""
    if not (handlers / ENTRY).is_file():
        raise KitError(f"{handlers / ENTRY} does not exist", "the handler is part of the kit: restore it")
    sources = sorted(path for path in handlers.glob("*.py") if path.name != "__init__.py")
    named: dict[str, Path] = {}
    for path in (build.model, build.labels, build.preprocessing, model_config, *sources):
        if path.name in named:
            raise UsageError(f"{path} and {named[path.name]} would have one name in the archive", "rename one")
        named[path.name] = path
    return Parts({**named, PROVENANCE: provenance})
