"""The bill of materials, CycloneDX 1.6: every wheel and what is inside it, the program and the model, with hashes.

No serial number and no time: the same release has the same bill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from common.manifest import Part
from kit import __version__
from kit.bundle.manifest import canonical
from kit.bundle.target import BoxTarget
from kit.bundle.wheels.distribution import NOT_SAID, Distribution
from kit.bundle.wheels.inside import Inside

SPEC = "1.6"
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
KIT_LICENCE = "Apache-2.0"


def document(
    target: BoxTarget,
    models: Sequence[tuple[Mapping[str, Any], str]],
    wheels: Sequence[tuple[Distribution, Part]],
    program: Part,
) -> bytes:
    """`models`: of each, archive.json's content, and an SPDX identifier or NOT_SAID."""
    first, _ = models[0]
    components = [
        *(model(*each, number) for number, each in enumerate(models)),
        box_program(program),
        *(wheel(*each) for each in wheels),
    ]
    return canonical(
        {
            "$schema": SCHEMA,
            "bomFormat": "CycloneDX",
            "specVersion": SPEC,
            "version": 1,
            "metadata": {
                "tools": {"components": [_kit()]},
                "component": {
                    "type": "application",
                    "bom-ref": "release",
                    "name": first["model_name"],
                    "version": first["model_version"],
                    "description": f"An offline release for {target.platform}, Python {target.python}",
                },
            },
            "components": components,
            "dependencies": [{"ref": "release", "dependsOn": [each["bom-ref"] for each in components]}],
        }
    )


def model(archive: Mapping[str, Any], licence: str, number: int = 0) -> dict[str, Any]:
    """The archive as a machine-learning model: what was measured on the workstation travels with it."""
    provenance = archive["provenance"]
    measured, weights = provenance["measured"], provenance["weights"]
    data = f"{measured['pictures']} pictures"
    figures = {key: value for key, value in measured.items() if key != "pictures" and value is not None}
    said = {
        "precision": provenance["precision"],
        "runtime": provenance["runtime"],
        "engine": (provenance["quantization"] or {}).get("engine", ""),
        "weights": f"{weights['source']}, sha256 {weights['sha256']}",
        "model_sha256": provenance["model_sha256"],
        "classes": provenance["classes"],
        "exported_with_torch": provenance["versions"]["torch"],
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{number}" if number else "model",
        "name": archive["model_name"],
        "version": archive["model_version"],
        "hashes": _hashes(archive["sha256"]),
        "licenses": _licences(licence, licence != NOT_SAID),
        "properties": _properties(archive["file"], said),
        "modelCard": {
            "modelParameters": {"task": "image classification", "modelArchitecture": provenance["architecture"]},
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {"type": name, "value": str(value), "slice": data} for name, value in sorted(figures.items())
                ]
            },
        },
    }


def box_program(program: Part) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": program.path,
        "name": program.path,
        "version": __version__,
        "description": "The on-box program: takes releases, switches, proves and rolls back",
        "hashes": _hashes(program.sha256),
        "licenses": _licences(KIT_LICENCE, True),
        "properties": _properties(program.path, {}),
    }


OWN = "vision-serve-worker"  # on no index


def wheel(found: Distribution, part: Part) -> dict[str, Any]:
    kind = "generic" if found.name == OWN else "pypi"
    purl = f"pkg:{kind}/{found.name}@{quote(found.version, safe='.')}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "purl": purl,
        "name": found.name,
        "version": found.version,
        "hashes": _hashes(part.sha256),
        "licenses": _licences(found.licence, found.is_expression),
        "properties": _properties(part.path, {}),
    }
    if found.holds:
        component["components"] = [_inside(each) for each in found.holds]
    return component


def _inside(found: Inside) -> dict[str, Any]:
    return {
        "type": found.kind,
        "bom-ref": found.purl or f"{found.name}-{found.version}",
        **({"purl": found.purl} if found.purl else {}),
        "name": found.name,
        "version": found.version,
        **({"licenses": _licences(found.licence, True)} if found.licence else {}),
    }


def _kit() -> dict[str, Any]:
    return {"type": "application", "name": "vision-serve-kit", "version": __version__}


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _licences(licence: str, is_expression: bool) -> list[dict[str, Any]]:
    return [{"expression": licence}] if is_expression else [{"license": {"name": licence}}]


def _properties(path: str, said: Mapping[str, object]) -> list[dict[str, str]]:
    pairs = {"path": path, **{name: value for name, value in said.items() if value != ""}}
    return [{"name": f"vision-serve:{name}", "value": str(value)} for name, value in sorted(pairs.items())]
