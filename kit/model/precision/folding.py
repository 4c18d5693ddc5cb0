"""Batch norms folded into the convolutions before them, in float32: rounded to 16 bits first, both would lose more."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.fusion import fuse_conv_bn_weights

from kit.model.checks.distance import distance

SAME = 1e-3  # of the largest figure answered


def folded(network: nn.Module, pictures: Tensor) -> nn.Module:
    """A copy of a network in evaluation mode whose batch norms right after a convolution do nothing any more.

    Which are, is seen by running it on `pictures`, so that subclasses and functions between do not matter; a copy that
    answers otherwise than the original (a convolution that computes its weights, say) is not taken.
    """
    made = copy.deepcopy(network)
    with torch.inference_mode():
        wanted = network(pictures)
        for convolution, norm in _pairs(made, pictures):
            _fold(convolution, norm)
        off = distance(made(pictures), wanted)
    return made if off <= SAME else copy.deepcopy(network)


def _pairs(network: nn.Module, pictures: Tensor) -> list[tuple[_ConvNd, _BatchNorm]]:
    """The batch norms that are given just what a convolution answered, both of them run once."""
    ran: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, given, answer: ran.append((module, given[0], answer)))
        for module in network.modules()
        if isinstance(module, (_ConvNd, _BatchNorm))
    ]
    network(pictures)
    for hook in hooks:
        hook.remove()
    once = [module for module, _, _ in ran if sum(module is other for other, _, _ in ran) == 1]
    return [
        (convolution, norm)
        for convolution, _, answer in ran
        for norm, given, _ in ran
        if given is answer
        and isinstance(convolution, _ConvNd)
        and isinstance(norm, _BatchNorm)
        and any(convolution is module for module in once)
        and any(norm is module for module in once)
    ]


def _fold(convolution: _ConvNd, norm: _BatchNorm) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=getattr(convolution, "transposed", False),
    )
    norm.running_mean = torch.zeros_like(norm.running_mean)
    norm.running_var = torch.full_like(norm.running_var, 1 - norm.eps)
    if norm.weight is not None:
        norm.weight, norm.bias = nn.Parameter(torch.ones_like(norm.weight)), nn.Parameter(torch.zeros_like(norm.bias))
