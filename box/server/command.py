"""A release's command and environment, with this box's paths put in for the words in {}."""

from __future__ import annotations

import re
from collections.abc import Mapping

from box.state.paths import Paths
from box.state.settings import BoxSettings
from common import samples
from common.errors import KitError
from common.manifest import Manifest

# What the server may have of the supervisor's own environment.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "HOME")


def archive_name(model: Manifest) -> str:
    """Its archive's name in the model store, where two releases lie side by side during a hot swap."""
    return f"{model.release}-{model.model.name}.mar"


def words(manifest: Manifest, paths: Paths) -> dict[str, str]:
    runtime = paths.runtime(manifest.runtime_id)
    site_packages = paths.site_packages(manifest.runtime_id, manifest.python)
    java = site_packages / manifest.server.java
    return {
        "java": str(java),
        "java_home": str(java.parent.parent),
        "site_packages": str(site_packages),
        "python": str(runtime / "bin/python"),
        "release": str(paths.release(manifest.release)),
        "archive": archive_name(manifest),
        **{f"archive_{number}": archive_name(model) for number, model in enumerate(manifest.models)},
        "store": str(paths.store),
        "run": str(paths.run),
        "temp": str(paths.temp),
        "logs": str(paths.logs),
    }


def fill(text: str, known: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise KitError(
                f"the release wants {match[0]}, which this program does not know", "provision this box again"
            )
        return known[match[1]]

    return re.sub(r"\{(\w+)\}", value, text)


def command(manifest: Manifest, paths: Paths) -> list[str]:
    known = words(manifest, paths)
    return [fill(word, known) for word in manifest.server.command]


def environment(manifest: Manifest, paths: Paths, settings: BoxSettings, outer: Mapping[str, str]) -> dict[str, str]:
    """The operator's address wins over the release's, and the management API is on a socket whatever it says. The
    workers are as many as this program waits for, where Java might count the processors otherwise."""
    known = words(manifest, paths)
    return (
        {name: outer[name] for name in INHERITED if name in outer}
        | {name: fill(value, known) for name, value in manifest.server.environment.items()}
        | {
            "TS_INFERENCE_ADDRESS": settings.inference_address,
            "TS_MANAGEMENT_ADDRESS": f"unix:{paths.socket}",
            "TS_DEFAULT_WORKERS_PER_MODEL": str(max(model.server.workers for model in manifest.models)),
            samples.VARIABLE: str(paths.samples),
        }
        | {name: value for name, value in outer.items() if name.startswith("TS_") and not paths.is_system}
    )
