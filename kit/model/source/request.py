"""What the user asked to have exported. Nothing here imports torch, so what is plainly wrong is said at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import UsageError
from common.manifest import MODEL_NAME
from kit.model.pictures.choosing import places
from kit.profiles import MODEL_NAME_WORDS

DEFAULT_ARCH = "resnet18"
IMAGENET = "imagenet"
WEIGHTS_FORMS = "WEIGHTS=<a .safetensors, .pt or .pth file>"

MAX_ACCURACY_DROP, MIN_AGREEMENT = 1.0, 98.0


@dataclass(frozen=True)
class Request:
    """As given, by flag or environment; "" stands for not given.

    `max_accuracy_drop`: points of top-1 accuracy that a precision below fp32 may cost. `min_agreement`: per cent of
    the pictures that it must answer as fp32 does. `weights_key`: which set of the weights in a file that holds several.
    `multilabel`: not "" when a picture may have several labels, each with a probability of its own.
    """

    arch: str = ""
    weights: str = ""
    labels: str = ""
    preprocessing: str = ""
    pictures: str = ""
    model_name: str = ""
    calibration: str = ""
    precision: str = ""
    runtime: str = ""
    platform: str = ""
    max_accuracy_drop: str = ""
    min_agreement: str = ""
    weights_key: str = ""
    multilabel: str = ""

    def check(self) -> None:
        """Raises UsageError for options that cannot be, and for files that do not exist."""
        if not self.weights and self.arch not in ("", DEFAULT_ARCH):
            raise UsageError(
                f"ARCH={self.arch} needs weights: the embedded ones are for {DEFAULT_ARCH}",
                f"WEIGHTS=imagenet for torchvision's own, or {WEIGHTS_FORMS}",
            )
        if self.weights not in ("", IMAGENET) and not Path(self.weights).is_file():
            raise UsageError(f"the weights {self.weights} do not exist", f"WEIGHTS=imagenet, or {WEIGHTS_FORMS}")
        if self.labels and not Path(self.labels).is_file():
            raise UsageError(f"the labels {self.labels} do not exist", "LABELS=<a JSON or text file of names>")
        if self.preprocessing and not Path(self.preprocessing).is_file():
            raise UsageError(f"PREPROCESSING={self.preprocessing} does not exist", "PREPROCESSING=<preprocessing.json>")
        for variable, wanted in (("PICTURES", self.pictures), ("CALIBRATION", self.calibration)):
            if wanted:
                places(wanted, variable)
        self.limits()
        if self.model_name and not MODEL_NAME.fullmatch(self.model_name):
            raise UsageError(
                f"MODEL_NAME={self.model_name} is not a name that TorchServe takes",
                MODEL_NAME_WORDS,
            )

    def limits(self) -> tuple[float, float]:
        """The gate's most points of accuracy and least per cent of agreement. Raises UsageError for no such number."""
        drop = _number("MAX_ACCURACY_DROP", self.max_accuracy_drop, MAX_ACCURACY_DROP)
        return drop, _number("MIN_AGREEMENT", self.min_agreement, MIN_AGREEMENT)


def _number(name: str, given: str, usual: float) -> float:
    try:
        value = float(given or usual)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise UsageError(f"{name}={given} is not a number from 0 to 100", f"{name}=<0 to 100>, {usual:g} if not given")
    return value
