"""Archive: an export, the handler and the profile's model settings become one .mar, checked before it is there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common.durable import sha256
from common.errors import UsageError
from kit.archive import model_config, packing, parts, provenance
from kit.console import step
from kit.files import replacing, write_json
from kit.handlers import HANDLERS
from kit.profiles import MODEL_CONFIG, Profile


def archive(
    profile: Profile,
    model_name: str,
    model_version: str,
    handlers: Path = HANDLERS,
    precision: str = "",
    runtime: str = "",
) -> dict[str, Any]:
    """Write build/<profile>/<model name>.mar and archive.json; returns what archive.json says.

    `model_name` "" is the export's; `precision` and `runtime` are what PRECISION and RUNTIME ask for, "" for the
    profile's. Raises KitError, with an earlier archive left as it is, when anything in the new one is not as it should
    be.
    """
    report = parts.read_export(profile, precision, runtime)
    from kit.archive.check import check  # imports torch, which takes seconds

    name = report["model_name"]
    if model_name not in ("", name):
        raise UsageError(
            f"MODEL_NAME={model_name}, but what was exported is called {name}",
            f"make export PROFILE={profile.name} MODEL_NAME={model_name}",
        )
    build = profile.build
    said = provenance.document(report, profile.name, model_version)
    with tempfile.TemporaryDirectory(dir=build.folder, prefix=".provenance.") as temporary:
        written = Path(temporary) / parts.PROVENANCE
        write_json(written, said)
        config = Path(temporary) / MODEL_CONFIG
        config.write_text(model_config.text(profile, report["precision"], report["runtime"]), encoding="utf-8")
        collected = parts.collect(build, report["model"]["file"], config, handlers, written)
        with replacing(build.archive(name)) as made:
            step(f"packing {len(collected.files)} files")
            packing.pack(collected, name, model_version, made)
            step("checking what was packed")
            check(made, collected, said, build.golden)
    made = build.archive(name)
    document = {
        "file": made.name,
        "model_name": name,
        "model_version": model_version,
        "sha256": sha256(made),
        "size": made.stat().st_size,
        "provenance": said,
    }
    write_json(build.archive_report, document)
    return document
