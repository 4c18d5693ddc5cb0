"""What makes a network's outputs probabilities: a softmax, for most; nothing, where it ends in one already."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from common.errors import UsageError

NEAR = 1e-3  # how far a sum of float32 probabilities may be from 1


class BothSides(nn.Module):
    """One output for two labels, [N, 1] → [N, 2]: the output is how sure the network is of the second."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, outputs: Tensor) -> Tensor:
        second: Tensor = self.inner(outputs)
        return torch.cat((1 - second, second), dim=1)


def of(name: str, outputs: Tensor, labels: int, multilabel: bool) -> tuple[nn.Module, str]:
    """What to put behind the network `name`, told by its `outputs` [pictures, outputs] on some pictures, and a remark.

    Logits are below 0 somewhere; what is between 0 and 1 throughout has been through a softmax or a sigmoid, and
    another would flatten it. Raises UsageError when the outputs are not as many as the labels.
    """
    count = outputs.shape[1]
    within = bool(((outputs >= 0) & (outputs <= 1)).all())
    if count == 1 and labels in (1, 2):
        inner: nn.Module = nn.Identity() if within else nn.Sigmoid()
        said = f"one output{', a probability already' if within else ': its sigmoid'}"
        if labels == 1:
            return inner, f"{name} has {said}"
        return BothSides(inner), f"{name} has {said}: how sure it is of the second label"
    if count != labels:
        raise UsageError(
            f"{name} has {count} outputs, the labels name {labels}", f"LABELS=<a file of {_counted(count)}>"
        )
    if within:
        alone = "" if bool(((outputs.sum(dim=1) - 1).abs() < NEAR).all()) else ", each for itself"
        return nn.Identity(), f"{name} answers probabilities already{alone}: taken as they are"
    if multilabel:
        return nn.Sigmoid(), "each label has a probability of its own (MULTILABEL)"
    return nn.Softmax(dim=1), ""


def _counted(names: int) -> str:
    return "1 or 2 names" if names == 1 else f"{names} names"
