"""Whether the exported model answers like the original, on real pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from common.errors import KitError
from common.server.answers import TIE
from common.words import count
from kit.model.pictures import decoding
from kit.model.pictures.choosing import Picture
from kit.model.source.resolving import Source

BATCH = 16
TRACED_WITH = 2  # pictures; neither 1 nor any of the sizes checked, so that nothing fits by accident
CHECKED_SIZES = (1, 3, 16)
ROUNDING = 0.1  # of a probability: what bf16, added up in another order for another size, may do to an unsure answer

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

    def accuracy(self, among: int) -> float | None:
        """The share of pictures whose label is among the exported model's first answers; None without labels."""
        return self._accuracy(self.exported, among)

    @property
    def accuracy_drop(self) -> float | None:
        """By how many points the exported model's top-1 accuracy is below the original's; None without labels."""
        before, after = self._accuracy(self.eager, 1), self._accuracy(self.exported, 1)
        return None if before is None or after is None else 100 * (before - after)

    def _accuracy(self, answers: Tensor, among: int) -> float | None:
        if not self.labelled:
            return None
        truth = torch.tensor([self.labels.index(str(picture.label)) for picture in self.pictures])
        first = answers.topk(min(among, len(self.labels)), dim=1).indices
        return (first == truth.unsqueeze(1)).any(dim=1).double().mean().item()

    def document(self) -> dict[str, Any]:
        return {
            "pictures": len(self.pictures),
            "labelled": self.labelled,
            "top1_agreement": round(self.agreement, 4),
            "largest_difference": float(f"{self.largest_difference:.3g}"),
            "top1_accuracy": _rounded(self.accuracy(1)),
            "top5_accuracy": _rounded(self.accuracy(5)),
            "top1_accuracy_drop": _rounded(self.accuracy_drop),
        }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def compare(
    source: Source,
    exported: Model,
    pictures: Sequence[Picture],
    advance: Callable[[int], None],
    eager: Tensor | None = None,
) -> Comparison:
    """Run both on the same crops. `advance` is told how many pictures were just done. `eager`: the original's
    answers where an earlier comparison has them."""
    eager_parts, exported_parts = [], []
    for crops in decoding.crops(pictures, source.preprocessing, BATCH):
        if eager is None:
            eager_parts.append(source.activation(source.logits(source.preprocessing.normalised(crops))))
        with torch.inference_mode():
            exported_parts.append(exported(crops))
        advance(len(crops))
    original = torch.cat(eager_parts) if eager is None else eager
    return Comparison(pictures, source.labels, original, torch.cat(exported_parts))


def check_sizes(source: Source, exported: Model, shown: Sequence[Picture]) -> None:
    """Raises KitError when the graph is right only for the number of pictures it was traced with: when it does not
    answer so many of those shown at once as it answers each alone. (Not made-up ones: far from what a network was
    trained on, rounding alone may change its answer.) Whether that is what the original answers is another comparison.
    """
    most, classes = max(CHECKED_SIZES), len(source.labels)
    some = torch.cat(list(decoding.crops(shown[:most], source.preprocessing, BATCH)))
    both_ways = torch.cat([some, some.flip(3)])  # so that there are no two of one kind where there are few
    pictures = torch.cat([both_ways] * math.ceil(most / len(both_ways)))[:most]
    with torch.inference_mode():
        alone: list[Tensor] = []
        for size in CHECKED_SIZES:
            try:
                alone += [exported(pictures[at : at + 1]) for at in range(len(alone), size)]
                found = exported(pictures[:size])
            except RuntimeError as error:
                reason = next(line for line in reversed(str(error).strip().splitlines()) if line.strip())
                raise _baked(size, reason.strip()) from None
            if found.shape != (size, classes):
                raise _baked(size, f"the answer is {list(found.shape)}, not {[size, classes]}")
            off = (found - torch.cat(alone)).abs().max().item()
            if off > ROUNDING:
                raise _baked(size, f"it is off by up to {off:.3g} from each alone")


def _baked(size: int, reason: str) -> KitError:
    return KitError(
        f"the exported model is wrong for {count(size, 'picture')} at once: {reason}",
        "the network fixes the batch size (a reshape or view with a number for it?): use x.shape[0] or -1 there",
    )
