"""licenses.txt: under what terms each thing in a release may be used, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.durable import sha256
from kit.build import PROJECT
from kit.bundle.documents.sbom import KIT_LICENCE
from kit.bundle.wheels.distribution import NOT_SAID, Distribution

EMBEDDED = PROJECT / "models" / "resnet18-grocery43"


def of_model(provenance: Mapping[str, Any]) -> tuple[str, str]:
    """The licence of a model's weights, and its whole text: known for the model that comes with the kit."""
    if provenance["weights"]["sha256"] == sha256(EMBEDDED / "resnet18-grocery43.safetensors"):
        text = (EMBEDDED / "LICENSE").read_text(encoding="utf-8")
        return text.split(" License")[0], text
    return NOT_SAID, ""


def document(archives: Sequence[Mapping[str, Any]], wheels: Sequence[Distribution]) -> bytes:
    """Changes with the weights and the wheels, and not with the model's version."""
    rows, texts = [], {}
    for archive in archives:
        name, text = of_model(archive["provenance"])
        source = archive["provenance"]["weights"]["source"]
        rows.append(("model", f"{archive['model_name']}, weights: {source}", name))
        if text:
            texts[source] = text
    rows += [
        ("program", "box.pyz, handler and configuration (vision-serve-kit)", KIT_LICENCE),
    ]
    for wheel in wheels:
        rows.append(("wheel", f"{wheel.name} {wheel.version}", wheel.licence))
        rows += [
            (each.name, f"{each.version}, inside {wheel.name}", each.licence) for each in wheel.holds if each.licence
        ]
    lines = [
        "What is in this release, and its licence. A wheel holds its own's whole text, below *.dist-info/.",
        "",
    ]
    lines += [f"{what}: {which}\n    {licence}" for what, which, licence in rows]
    for source, text in texts.items():
        lines += ["", f"The model's licence ({source}):", "", text.strip()]
    return ("\n".join(lines) + "\n").encode()
