"""What an app developer has to know of the files in a folder: card.json for machines, CARD.md for people."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import torch

from common.durable import sha256
from kit import __version__
from kit.mobile import snippets
from kit.mobile.formats import runtimes
from kit.mobile.making import Made, MadeFile
from kit.model.source.resolving import Source


def document(source: Source, made: Made, model_name: str, latencies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """card.json: facts and measurements, no path and no time."""
    return {
        "model_name": model_name,
        "architecture": source.architecture.name,
        "classes": len(source.labels),
        "weights": {"source": source.origin, "sha256": source.weights_sha256},
        "format": made.target.format.name,
        "format_title": made.target.format.title,
        "precision": made.target.precision,
        "quantization": made.quantization,
        "runtime": runtimes.name_and_version(made.target.format.name),
        "files": [_file(file, latency) for file, latency in zip(made.files, latencies, strict=True)],
        "versions": {"kit": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def _file(file: MadeFile, latency: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": file.path.name,
        "size": file.path.stat().st_size,
        "sha256": sha256(file.path),
        "input": {**file.input.document(), "meaning": file.variant.meaning},
        "output": {**file.output.document(), "meaning": "a probability for each label in index_to_name.json"},
        "snippets": [f"{snippets.class_name(file)}.{language}" for language in (snippets.KOTLIN, snippets.SWIFT)],
        "build": file.build,
        "comparison": file.measured.document(),
        "host_latency_ms": {**latency, "threads": 1, "processor": platform.machine()},
    }


def page(card: dict[str, Any]) -> str:
    """CARD.md"""
    runtime = card["runtime"]
    lines = [
        f"# {card['model_name']} for {card['format_title']}, {card['precision']}",
        "",
        f"{card['architecture']}, {card['classes']} classes (index_to_name.json), {card['weights']['source']}.",
        f"Checked with {runtime['name']} {runtime['version']}: each file was loaded by its own runtime and compared",
        f"with the original network on {card['files'][0]['comparison']['pictures']} photographs.",
        "",
        "| file | takes | top-1 | same answer as the original | size | host latency |",
        "|---|---|--:|--:|--:|--:|",
        *(_row(file) for file in card["files"]),
        "",
        "Host latency: one picture, one thread, the median on the machine that made the files "
        f"({card['files'][0]['host_latency_ms']['processor']}). It compares files; a phone's is another.",
        "",
        "## What goes in and comes out",
        "",
        *(line for file in card["files"] for line in _ports(file)),
        "",
        "Before either: the photograph upright, its shorter side resized to `resize` pixels with smoothing, the",
        "middle `crop` × `crop` of it (preprocessing.json). The .kt and .swift files do that and the rest. With the",
        "pixels file there is no mean, no deviation and no order of planes to get wrong: take it unless the app has",
        "floats already.",
        "",
        "## How it was made",
        "",
        *_made(card),
        "",
        "`sha256sum -c SHA256SUMS` checks the folder.",
        "",
    ]
    return "\n".join(lines)


def _row(file: dict[str, Any]) -> str:
    measured, latency = file["comparison"], file["host_latency_ms"]
    accuracy = "not measured" if measured["top1_accuracy"] is None else f"{measured['top1_accuracy']:.1%}"
    cells = (
        f"`{file['file']}`",
        f"{file['input']['dtype']} {file['input']['shape']}",
        accuracy,
        f"{measured['top1_agreement']:.1%}",
        f"{file['size'] / 1e6:.1f} MB",
        f"{latency['median']:.1f} ms",
    )
    return f"| {' | '.join(cells)} |"


def _ports(file: dict[str, Any]) -> list[str]:
    given, made = file["input"], file["output"]
    return [
        f"- `{file['file']}`",
        f"  - in: `{given['name']}` {given['dtype']} {given['shape']}: {given['meaning']}",
        f"  - out: `{made['name']}` {made['dtype']} {made['shape']}: {made['meaning']}",
    ]


def _made(card: dict[str, Any]) -> list[str]:
    build = card["files"][0]["build"]
    lines = [f"- {name.replace('_', ' ')}: {_words(value)}" for name, value in build.items() if value]
    if how := card["quantization"]:
        lines.append(
            f"- int8: calibrated on {how['pictures']} photographs; in float: {', '.join(how['layers_in_float'])}"
        )
    versions = card["versions"]
    return [*lines, f"- kit {versions['kit']}, torch {versions['torch']}, Python {versions['python']}"]


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
