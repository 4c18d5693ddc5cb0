"""make gpu-check [DURATION=480]

Writes build/gpu-check/report.md and report.json within DURATION seconds; what does not fit into them is left out and
named. It needs the GPU, torch for it, and for the served part what the kit is installed with (docs/gpu.md says how to
carry that to a machine with no network).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.gpu_check import model_alone, pipeline, report, served
from common.errors import KitError
from kit import console, machine
from kit.build import PROJECT, default_build_root
from kit.files import write_json, write_text
from kit.model.source.request import Request
from kit.model.source.resolving import resolve

PHOTOGRAPHS = PROJECT / "models/resnet18-grocery43/validation"
app = typer.Typer(add_completion=False)


@app.command()
def main(
    duration: Annotated[float, typer.Option(envvar="DURATION", min=30, help="Seconds that all of it may take.")] = 480,
) -> None:
    """What a GPU of this machine does with the embedded model: alone, as a pipeline, served, and beside stock."""
    if not torch.cuda.is_available():
        raise KitError(
            f"torch {torch.__version__} sees no GPU here ({machine.detect().no_gpu})",
            "run this where nvidia-smi shows one, with torch for CUDA",
        )
    ends = time.monotonic() + duration
    device = torch.device("cuda:0")
    document: dict[str, Any] = {"machine": facts(device), "notes": []}
    source = resolve(Request())
    pictures = [path.read_bytes() for path in sorted(PHOTOGRAPHS.glob("*/*.jpg"))]
    folder = default_build_root() / "gpu-check"
    sections: list[tuple[str, float, Callable[[float], list[dict[str, Any]]]]] = [
        ("alone", 0.35, lambda until: model_alone.measure(source, device, model_alone.BATCHES, until)),
        ("pipeline", 0.45, lambda until: pipeline.measure(source, device, pictures, until)),
        ("served", 1.0, lambda until: served.measure(folder, until)),
    ]
    for name, share, measure in sections:
        console.step(f"{name}: {ends - time.monotonic():.0f} s are left")
        try:
            document[name] = measure(time.monotonic() + share * (ends - time.monotonic()))
        except (KitError, RuntimeError, ImportError) as error:  # torch's own are RuntimeErrors; the rest goes on
            document[name] = []
            document["notes"].append(f"{name}: not measured: {str(error).splitlines()[0]}")
        write_json(folder / "report.json", document)
        write_text(folder / "report.md", report.text(document))
    console.facts({"written": console.shown_path(folder / "report.md")})


def facts(device: torch.device) -> dict[str, Any]:
    found = machine.detect()
    properties = torch.cuda.get_device_properties(device)
    return {
        "torch": torch.__version__,
        "cores": found.cores,
        "processor": processor(),
        "gpu": properties.name,
        "gpu_memory_gb": round(properties.total_memory / 1e9),
        "cuda": torch.version.cuda,
    }


def processor() -> str:
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    return next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "unknown")


if __name__ == "__main__":
    console.command(app)
