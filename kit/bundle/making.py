"""Bundle: an archive, the wheels for a box, the box's program and its configuration become one signed file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.durable import sha256
from common.errors import UsageError
from common.manifest import Manifest, Part
from kit import __version__
from kit.bundle import manifest, program, reading, signing, tarball
from kit.bundle.documents import content, gate_limits, gateway_section, licenses, sbom, server_section
from kit.bundle.documents.content import Contents
from kit.bundle.tarball import Content
from kit.bundle.target import BoxTarget
from kit.bundle.wheels import distribution, fetching, requirements, torch_source, trimming, worker_wheel
from kit.console import step
from kit.files import replacing
from kit.model import runtimes
from kit.profiles import Profile

PIP, WHEELS = "pip", "wheels"
TRIMMED = "trimmed"  # below the folder of the wheels as they came


@dataclass(frozen=True)
class Boxed:
    """One model of a release: its own profile, and what its archive.json says."""

    profile: Profile
    archive: dict[str, Any]

    @property
    def runtime(self) -> str:
        return str(self.archive["provenance"]["runtime"])


def bundle(profile: Profile, target: BoxTarget, key: Path, torch_index: str = "") -> dict[str, Any]:
    """Write build/<profile>/bundle/<release>-<platform>-py<python>.bundle and read it back; says what it is.

    `torch_index` is TORCH_INDEX. Raises KitError or UsageError, with nothing written, when a part is not to be had or
    does not fit the box.
    """
    models = check(profile, target, key)
    found = fetch(target, runtime_of(models), torch_index)
    contents = collect(profile, target, models, found)
    made = describe(profile, target, models, contents)
    file = profile.server_build.bundles / f"{made.release}-{target.platform}-py{target.python}.bundle"
    signed_by = write(file, made, contents, key)
    return {
        "file": file.name,
        "release": made.release,
        "platform": target.platform,
        "python": target.python,
        "size": file.stat().st_size,
        "sha256": sha256(file),
        "wheels": len(found),
        "runtime": made.runtime_id,
        "signed_by": signed_by,
    }


def check(profile: Profile, target: BoxTarget, key: Path) -> list[Boxed]:
    """All that can be known before a download of minutes; each model, with its archive.json's content."""
    signing.public_key(key)
    models = [Boxed(one, content.check_archive(one, target)) for one in profile.models()]
    for one in models:
        limits(profile, one, fewest_workers(models))
    runtime_of(models)
    return models


def runtime_of(models: Sequence[Boxed]) -> str:
    """Raises UsageError where there would have to be two: a box has room for one."""
    runtimes_of = {one.profile.model: one.runtime for one in models}
    if len(set(runtimes_of.values())) > 1:
        said = ", ".join(f"{name} {runtime}" for name, runtime in runtimes_of.items())
        raise UsageError(
            f"a bundle brings one runtime, and its models want two: {said}",
            "make archive MODEL_NAME=… RUNTIME=<the one>",
        )
    return models[0].runtime


def fewest_workers(models: Sequence[Boxed]) -> int:
    """Of a model; 0 where the machine decides how many one of them has."""
    return min(int(server_section.section(one.profile)["workers"]) for one in models)


def limits(profile: Profile, model: Boxed, workers: int) -> dict[str, int]:
    """The gate's: memory and time of the whole server by the profile's own, the requests by the model's."""
    whole, own = (gate_limits.of(one, model.runtime, workers) for one in (profile, model.profile))
    return whole | {name: own[name] for name in gate_limits.OF_A_MODEL}


def fetch(target: BoxTarget, runtime: str, torch_index: str) -> list[Path]:
    """The wheels for the box, pip's own, since a bare box has none, and the kit's worker."""
    lock = requirements.LOCK.read_text(encoding="utf-8")
    torch = None
    if runtime == runtimes.TORCH:
        torch = torch_source.choose(torch_index, target, requirements.locked_torch(lock, target.processor))
        if torch.note:
            step(torch.note)
    elif torch_index:
        step("TORCH_INDEX is not asked: this model runs on ONNX Runtime, so the bundle has no torch")
    step(f"resolving what {target.platform} with Python {target.python} needs")
    wanted = [*requirements.resolve(target, torch, lock), requirements.locked(lock, PIP)]
    cache = fetching.default_cache()
    found = [
        trimming.trim(wheel, target, wheel.parent / TRIMMED) for wheel in fetching.fetch(wanted, target, torch, cache)
    ]
    return [*found, worker_wheel.write(cache)]


def collect(profile: Profile, target: BoxTarget, models: Sequence[Boxed], found: list[Path]) -> Contents:
    contents = content.small_files(profile, program.UNITS)
    for one in models:
        contents[one.archive["file"]] = ("archive", one.profile.build.folder / one.archive["file"])
    contents[tarball.PROGRAM] = ("program", program.pack())
    contents |= {f"{WHEELS}/{path.name}": ("wheel", path) for path in found}
    parts = {part.path: part for part in parts_of(contents)}
    described = [(distribution.read(path), parts[f"{WHEELS}/{path.name}"]) for path in found]
    archives = [one.archive for one in models]
    licensed = [(archive, licenses.of_model(archive["provenance"])[0]) for archive in archives]
    bill = sbom.document(target, licensed, described, parts[tarball.PROGRAM])
    listed = licenses.document(archives, [wheel for wheel, _ in described])
    return contents | {"sbom.cdx.json": ("sbom", bill), "licenses.txt": ("licenses", listed)}


def describe(profile: Profile, target: BoxTarget, models: Sequence[Boxed], contents: Contents) -> Manifest:
    parts = parts_of(contents)
    boxed = [part for part in parts if part.role == "wheel"]
    first, *others = models
    gates = [limits(profile, one, fewest_workers(models)) for one in models]
    served = server_section.section(first.profile, len(others))
    document: dict[str, Any] = {
        "made_by": f"vision-serve-kit {__version__}",
        "platform": target.platform,
        "python": target.python,
        "model": content.model_section(first.archive),
        "runtime": {
            "id": manifest.runtime_id(target.platform, target.python, boxed),
            "pip": next(name for part in boxed if (name := Path(part.path).name).startswith(f"{PIP}-")),
        },
        "server": served,
        "gateway": gateway_section.section(first.profile, target, first.archive, served["workers"]),
        "gate": gates[0],
        "golden": content.golden_section(first.profile),
    }
    if others:
        document["others"] = [other_section(target, *each) for each in zip(others, gates[1:], strict=True)]
    return manifest.make(document, parts)


def other_section(target: BoxTarget, model: Boxed, gate: dict[str, int]) -> dict[str, Any]:
    """What the manifest says of a model beside the first."""
    served = server_section.section(model.profile)
    front = gateway_section.section(model.profile, target, model.archive, served["workers"])
    return {
        "model": content.model_section(model.archive),
        **{name: served[name] for name in ("workers", "response_timeout")},
        **{name: front[name] for name in ("in_flight", "queue", "about")},
        **{name: gate[name] for name in gate_limits.OF_A_MODEL},
        "golden": content.golden_section(model.profile),
    }


def write(file: Path, made: Manifest, contents: Contents, key: Path) -> str:
    """Sign, write, and read back what was written; whose signature it is."""
    step("signing")
    signature = signing.sign(made.content, key)
    blobs = {part.sha256: contents[part.path][1] for part in made.parts}
    with replacing(file) as temporary:
        tarball.write(temporary, made.content, signature, contents[tarball.PROGRAM][1], sorted(blobs.items()))
        step("reading back what was written")
        return reading.read(temporary).signed_by


def parts_of(contents: Contents) -> list[Part]:
    return [Part(path, *_identity(body), role) for path, (role, body) in contents.items()]


def _identity(body: Content) -> tuple[str, int]:
    if isinstance(body, bytes):
        return hashlib.sha256(body).hexdigest(), len(body)
    return sha256(body), body.stat().st_size
