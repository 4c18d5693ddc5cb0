"""Whether the exported model answers like the original, on real pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kit.errors import KitError
from kit.model.pictures import Picture, batches
from kit.model.precision import Precision
from kit.model.preprocessing import as_bytes
from kit.model.servable import Servable, example
from kit.model.source import Source

BATCH = 16
TRACED_WITH = 2  # pictures; neither 1 nor any of the sizes checked, so that nothing fits by accident
CHECKED_SIZES = (1, 3, 16)
TIE = 1e-3  # two answers whose probabilities are nearer than this are as good as each other
SHOWN = 5

Model = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Comparison:
    """Both models' probabilities [pictures, classes], in the pictures' order."""

    pictures: Sequence[Picture]
    labels: Sequence[str]
    eager: Tensor
    exported: Tensor

    @property
    def agrees(self) -> Tensor:
        """bool [pictures]: the same first answer, or another that the original holds for as good."""
        best = self.eager.max(dim=1).values
        given = self.eager.gather(1, self.exported.argmax(dim=1, keepdim=True)).squeeze(1)
        return best - given < TIE

    @property
    def agreement(self) -> float:
        return self.agrees.float().mean().item() if self.finite else 0.0

    @property
    def largest_difference(self) -> float:
        return (self.eager - self.exported).abs().max().item()

    @property
    def finite(self) -> bool:
        return bool(self.eager.isfinite().all() and self.exported.isfinite().all())

    @property
    def labelled(self) -> bool:
        return all(picture.label is not None for picture in self.pictures)

    def right(self, among: int) -> int | None:
        """On how many pictures the label is among the exported model's first answers; None without labels."""
        if not self.labelled:
            return None
        truth = torch.tensor([self.labels.index(str(picture.label)) for picture in self.pictures])
        first = self.exported.topk(min(among, len(self.labels)), dim=1).indices
        return int((first == truth.unsqueeze(1)).any(dim=1).sum().item())

    def accuracy(self, among: int) -> float | None:
        right = self.right(among)
        return None if right is None else round(right / len(self.pictures), 4)

    def document(self) -> dict[str, Any]:
        return {
            "pictures": len(self.pictures),
            "labelled": self.labelled,
            "top1_agreement": round(self.agreement, 4),
            "largest_difference": float(f"{self.largest_difference:.3g}"),
            "top1_accuracy": self.accuracy(1),
            "top5_accuracy": self.accuracy(5),
        }


def compare(source: Source, exported: Model, pictures: Sequence[Picture], advance: Callable[[int], None]) -> Comparison:
    """Run both on the same crops. `advance` is told how many pictures were just done."""
    eager_parts, exported_parts = [], []
    for batch in batches(pictures, BATCH):
        crops = [source.preprocessing.cropped(picture.open()) for picture in batch]
        normalised = torch.stack([source.preprocessing.normalised(crop) for crop in crops])
        eager_parts.append(source.logits(normalised).softmax(dim=1))
        with torch.inference_mode():
            exported_parts.append(exported(torch.stack([as_bytes(crop) for crop in crops])))
        advance(len(batch))
    return Comparison(pictures, source.labels, torch.cat(eager_parts), torch.cat(exported_parts))


def check_sizes(servable: Servable, exported: Model, crop: int) -> None:
    """Raises KitError when the graph is right only for the number of pictures it was traced with."""
    pictures = example(max(CHECKED_SIZES), crop)
    with torch.inference_mode():
        wanted = servable(pictures)
        for size in CHECKED_SIZES:
            try:
                found = exported(pictures[:size])
            except RuntimeError as error:
                reason = next(line for line in reversed(str(error).strip().splitlines()) if line.strip())
                raise _baked(size, reason.strip()) from None
            if found.shape != wanted[:size].shape:
                raise _baked(size, f"the answer is {list(found.shape)}, not {list(wanted[:size].shape)}")
            if not torch.allclose(found, wanted[:size], atol=1e-2, rtol=0, equal_nan=True):
                raise _baked(size, f"it is off by up to {(found - wanted[:size]).abs().max().item():.3g}")


def _baked(size: int, reason: str) -> KitError:
    return KitError(
        f"the exported model is wrong for {size} picture{'' if size == 1 else 's'} at once: {reason}",
        "the network fixes the batch size (a reshape or view with a number for it?): use x.shape[0] or -1 there",
    )


def verify(comparison: Comparison, precision: Precision) -> None:
    """Raises KitError, with what was measured and the pictures that differ, when the models are not as near as
    the precision promises."""
    difference = comparison.largest_difference
    near = precision.difference is None or difference < precision.difference
    if comparison.finite and comparison.agreement >= precision.agreement and near:
        return
    wanted = "" if precision.difference is None else f" (wanted: below {precision.difference:g})"
    lines = [
        "the exported model does not answer like the original, so nothing was written",
        f"  pictures compared     {len(comparison.pictures)}",
        f"  same first answer     {comparison.agreement:.1%} (wanted: {precision.agreement:.0%} in {precision.name})",
        f"  largest difference    {difference:.3g}{wanted}",
    ]
    if not comparison.finite:
        lines.append("  some probabilities are not numbers (NaN or infinite)")
    for index in (~comparison.agrees).nonzero().flatten().tolist()[:SHOWN]:
        original, exported = (int(side[index].argmax()) for side in (comparison.eager, comparison.exported))
        lines.append(
            f"  {comparison.pictures[index].file.name}: {comparison.labels[original]}"
            f" by the original, {comparison.labels[exported]} by the exported model"
        )
    mend = "make the network free of branches and of sizes that depend on the picture"
    raise KitError("\n".join(lines), mend if precision.name == "fp32" else "take `precision: fp32` in the profile")
