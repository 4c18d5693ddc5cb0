"""Options that more than one script takes."""

from __future__ import annotations

from typing import Annotated

import typer

from common.errors import UsageError
from kit.model.source.request import MAX_ACCURACY_DROP, MIN_AGREEMENT

Profile = Annotated[
    str, typer.Option(envvar="PROFILE", help="A profile's name or folder; default: the one for this machine.")
]
FleetFile = Annotated[str, typer.Option("--fleet", envvar="FLEET", help="The fleet file.")]
Hosts = Annotated[str, typer.Option(envvar="HOSTS", help="Boxes with no file: user@host, with commas between.")]
Certificate = Annotated[
    str, typer.Option(envvar="CERTIFICATE", help="The gateway's certificate (PEM); default: the kit's own.")
]
PrivateKey = Annotated[str, typer.Option(envvar="PRIVATE_KEY", help="That certificate's key (PEM).")]
Arch = Annotated[str, typer.Option(envvar="ARCH", help="A torchvision classification network, or file.py:function.")]
Weights = Annotated[
    str,
    typer.Option(
        envvar="WEIGHTS",
        help="'imagenet', or a state dict (.safetensors, .pt, .pth); default: the embedded grocery model.",
    ),
]
WeightsKey = Annotated[
    str, typer.Option(envvar="WEIGHTS_KEY", help="Which weights, of a file that holds several sets (model_ema, say).")
]
Multilabel = Annotated[
    str, typer.Option(envvar="MULTILABEL", help="1: a picture may have several labels (sigmoid in place of softmax).")
]
Labels = Annotated[
    str, typer.Option(envvar="LABELS", help="The classes' names: JSON or text, if not beside the weights.")
]
Preprocessing = Annotated[
    str, typer.Option(envvar="PREPROCESSING", help="A preprocessing.json, if not beside the weights.")
]
Key = Annotated[str, typer.Option(envvar="KEY", help="Your SSH key, which signs; its .pub if ssh-agent holds the key.")]
Pictures = Annotated[
    str, typer.Option(envvar="PICTURES", help="Folder of photographs to check with; subfolders named by label.")
]
ModelName = Annotated[
    str, typer.Option(envvar="MODEL_NAME", help="What the model is called; default: the network's name.")
]
Model = Annotated[
    str,
    typer.Option(envvar="MODEL", help="Which model, where a server has several; default: the one of golden.json."),
]
Calibration = Annotated[
    str, typer.Option(envvar="CALIBRATION", help="Folder of photographs to find int8's ranges with.")
]
Runtime = Annotated[
    str, typer.Option(envvar="RUNTIME", help="What runs the model: torch, onnx or auto; default: the profile's.")
]
MaxAccuracyDrop = Annotated[
    str,
    typer.Option(
        envvar="MAX_ACCURACY_DROP",
        help=f"Points of top-1 accuracy a precision may cost; default: {MAX_ACCURACY_DROP:g}.",
    ),
]
MinAgreement = Annotated[
    str,
    typer.Option(
        envvar="MIN_AGREEMENT",
        help=f"Percentage of pictures it must answer as fp32 does; default: {MIN_AGREEMENT:g}.",
    ),
]


def require_key(key: str, what: str) -> None:
    """Raises UsageError."""
    if not key:
        raise UsageError(f"{what} is signed, and no key was named", "KEY=~/.ssh/id_ed25519 (any SSH key of yours)")
