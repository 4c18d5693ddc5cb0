"""FORMAT and PRECISION: which files are made. Nothing here imports torch, so wrong use is said at once."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import UsageError

ALL = "all"
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Format:
    """`name` is the file's ending. `needs` are the packages that make and run it, beside torch."""

    name: str
    title: str
    precisions: tuple[str, ...]
    needs: tuple[str, ...]


FORMATS = {
    made.name: made
    for made in (
        Format("pte", "ExecuTorch", PRECISIONS, ("executorch", "torchao")),
        Format("ptl", "PyTorch Mobile", PRECISIONS, ()),
        Format("onnx", "ONNX", ("fp32",), ("onnx", "onnxscript", "onnxruntime")),
    )
}


@dataclass(frozen=True)
class PhoneTarget:
    """One folder that comes out: a format in a precision."""

    format: Format
    precision: str

    def folder(self, model_name: str) -> str:
        return f"{model_name}-{self.format.name}-{self.precision}"


def targets(wanted: str, precision: str) -> list[PhoneTarget]:
    """What FORMAT and PRECISION come to; "" stands for all formats, and for every precision.

    Raises UsageError for a name there is not, and for a pair that cannot be had.
    """
    if wanted not in ("", ALL, *FORMATS):
        names = (*FORMATS, ALL)
        raise UsageError(f"FORMAT={wanted} is not one of {', '.join(names)}", f"FORMAT={'|'.join(names)}")
    if precision not in ("", *PRECISIONS):
        raise UsageError(f"PRECISION={precision} is not a precision for phones", f"PRECISION={'|'.join(PRECISIONS)}")
    formats = [FORMATS[wanted]] if wanted in FORMATS else list(FORMATS.values())
    precisions = (precision,) if precision else PRECISIONS
    found = [PhoneTarget(made, name) for made in formats for name in precisions if name in made.precisions]
    if not found:
        raise UsageError(f"FORMAT={wanted} is made in {', '.join(formats[0].precisions)} only", "FORMAT=pte")
    return found
