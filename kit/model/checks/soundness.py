"""What a network has to be before it can be served: its weights numbers, its answer to a picture the same each time and
in any company. What it is not is named here, before tracing makes another fault of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from common.errors import KitError
from common.words import listed
from kit.model.checks.distance import distance

SAME = 1e-3  # of the largest figure answered; float32 in another order differs by some 1e-5

NUDGE = 1 + 1e-6  # some ten roundings of a float32

Answer = Callable[[Tensor], Tensor]


def check_weights(name: str, network: nn.Module) -> None:
    """Raises KitError when weights are not numbers, or layers would use the batch's statistics in place of theirs."""
    figures: dict[str, Tensor] = dict(network.named_parameters())
    figures |= {key: value for key, value in network.named_buffers() if key.endswith(("running_mean", "running_var"))}
    if wrong := [key for key, value in figures.items() if not value.isfinite().all()]:
        raise KitError(
            f"the weights of {name} are not all numbers: NaN or infinite in {listed(wrong)}",
            "the training had diverged: take a checkpoint from before that",
        )
    norms = {key: module for key, module in network.named_modules() if isinstance(module, _BatchNorm)}
    if training := [key for key, norm in norms.items() if norm.training]:
        raise KitError(
            f"{name}: batch norm is left in training ({listed(training)}), so every answer depends on the whole batch",
            "let eval() reach it: do not override train() or call it in forward",
        )
    if without := [key for key, norm in norms.items() if norm.running_mean is None]:
        raise KitError(
            f"{name}: batch norm keeps no statistics ({listed(without)}), so every answer depends on the whole batch",
            "train it with track_running_stats=True",
        )


def check_answers(name: str, network: nn.Module, answer: Answer, pictures: Tensor) -> None:
    """Raises KitError when the answers to `pictures`, the network's inputs [N, 3, crop, crop], are random or depend on
    each other."""
    together = answer(pictures)
    if distance(answer(pictures), together) > SAME:
        training = [key for key, module in network.named_modules() if module.training]
        what = f"still in training: {listed(training)}" if training else "dropout with training=True, say, or noise"
        raise KitError(
            f"{name} answers the same picture differently each time: something in it is random ({what})",
            "let eval() turn it off: dropout with training=self.training",
        )
    if _mixes(answer, pictures, together) or _knows_the_size(network, answer, pictures, together):
        raise KitError(
            f"{name} answers a picture differently when others are beside it: it works over the whole batch somewhere",
            "look for a mean, a norm, a softmax or a reshape over the first dimension: that one is the pictures",
        )


def _mixes(answer: Answer, pictures: Tensor, together: Tensor) -> bool:
    """Whether a picture's answer depends on what else is in the batch. In the same place of a batch of the same size
    all is added up in the same order, so that no rounding is taken for it."""
    beside_others = torch.cat([pictures[:1], -pictures[1:]])
    return distance(answer(beside_others)[:1], together[:1]) > SAME


def _knows_the_size(network: nn.Module, answer: Answer, pictures: Tensor, together: Tensor) -> bool:
    """Whether it depends on how many there are, by more than rounding.

    A network far from what it was trained on may make much of the order in which figures are added up: then it makes as
    much of a nudge too small to see, or float64 has next to nothing to make it of.
    """
    off = distance(torch.cat([answer(pictures[at : at + 1]) for at in range(len(pictures))]), together)
    if off <= SAME or distance(answer(pictures * NUDGE), together) > off / 10:
        return False
    exact = copy.deepcopy(network).double()
    try:
        with torch.inference_mode():
            together = exact(pictures.double())
            alone = torch.cat([exact(pictures[at : at + 1].double()) for at in range(len(pictures))])
    except RuntimeError:  # it has figures of its own in float32
        return True
    return distance(alone, together) > SAME
