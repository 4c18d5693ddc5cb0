"""What the user asked to have exported. Nothing here imports torch, so what is plainly wrong is said at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kit.errors import UsageError

DEFAULT_ARCH = "resnet18"
IMAGENET = "imagenet"
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # what torch-model-archiver takes
WEIGHTS_FORMS = "WEIGHTS=<a .safetensors, .pt or .pth file>"


@dataclass(frozen=True)
class Request:
    """As given, by flag or environment; "" stands for not given."""

    arch: str = ""
    weights: str = ""
    labels: str = ""
    preprocessing: str = ""
    pictures: str = ""
    model_name: str = ""

    def check(self) -> None:
        """Raises UsageError for options that cannot be, and for files that are not there."""
        if not self.weights and self.arch not in ("", DEFAULT_ARCH):
            raise UsageError(
                f"ARCH={self.arch} needs weights: the embedded ones are for {DEFAULT_ARCH}",
                f"WEIGHTS=imagenet for torchvision's own, or {WEIGHTS_FORMS}",
            )
        if self.weights not in ("", IMAGENET) and not Path(self.weights).is_file():
            raise UsageError(f"the weights {self.weights} are not there", f"WEIGHTS=imagenet, or {WEIGHTS_FORMS}")
        if self.labels and not Path(self.labels).is_file():
            raise UsageError(f"the labels {self.labels} are not there", "LABELS=<a JSON or text file of names>")
        if self.preprocessing and not Path(self.preprocessing).is_file():
            raise UsageError(f"PREPROCESSING={self.preprocessing} is not there", "PREPROCESSING=<preprocessing.json>")
        if self.pictures and not Path(self.pictures).is_dir():
            raise UsageError(f"PICTURES={self.pictures} is no folder", "PICTURES=<a folder of photographs>")
        if self.model_name and not MODEL_NAME.fullmatch(self.model_name):
            raise UsageError(
                f"MODEL_NAME={self.model_name} is no name that TorchServe takes",
                "letters and digits, and after the first one also _ . -",
            )
