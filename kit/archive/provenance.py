"""provenance.json: what an archive was made of, and how good it was when it was made. It lies in the archive."""

from __future__ import annotations

from typing import Any

from kit import __version__

MEASURED = ("pictures", "top1_agreement", "top1_accuracy", "top5_accuracy")


def document(report: dict[str, Any], profile: str, model_version: str) -> dict[str, Any]:
    """Of an export's report. Neither a path nor a time goes in: the same inputs give the same archive."""
    return {
        "model_name": report["model_name"],
        "model_version": model_version,
        "architecture": report["architecture"],
        "classes": report["classes"],
        "profile": profile,
        "runtime": report["runtime"],
        "precision": report["precision"],
        "quantization": report["quantization"],
        "weights": report["weights"],
        "model_sha256": report["model"]["sha256"],
        "measured": {key: report["comparison"][key] for key in MEASURED},
        "versions": {**report["versions"], "kit": __version__},
    }
