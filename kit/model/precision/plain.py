"""Convolutions as torch's int8 kernels take them: of the class itself, with their padding in numbers."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from kit.model.checks.distance import distance

NEAR = 1e-4  # of the largest figure answered


def plain_convolutions(network: nn.Module, pictures: Tensor) -> nn.Module:
    """A copy in which subclasses of nn.Conv2d, and paddings in words ("same"), are replaced by plain ones that answer
    the same; what answers otherwise (it computes its weights, or pads in another way) is left as it is.

    `pictures`: inputs of the size that the network will be given, to which a padding that depends on it is fitted.
    """
    made = copy.deepcopy(network)
    unusual = {
        name: module
        for name, module in made.named_modules()
        if isinstance(module, nn.Conv2d) and (type(module) is not nn.Conv2d or isinstance(module.padding, str))
    }
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = [
        module.register_forward_hook(lambda _, given, answer, name=name: seen.update({name: (given[0], answer)}))
        for name, module in unusual.items()
    ]
    with torch.inference_mode():
        made(pictures)
        for hook in hooks:
            hook.remove()
        for name, (given, answer) in seen.items():
            for candidate in _candidates(unusual[name], given, answer):
                found = candidate(given)
                if found.shape == answer.shape and distance(found, answer) <= NEAR:
                    made.set_submodule(name, candidate)
                    break
    return made


def _candidates(convolution: nn.Conv2d, given: Tensor, answer: Tensor) -> list[nn.Module]:
    """With its own padding; with as much as the sizes of what it was given and answered want, an odd one at the end."""
    found: list[nn.Module] = []
    if not isinstance(convolution.padding, str):
        found.append(_plain(convolution, convolution.padding))
    sides = []
    for axis in (1, 0):  # ZeroPad2d takes left, right, top, bottom
        reach = (answer.shape[2 + axis] - 1) * convolution.stride[axis]
        reach += convolution.dilation[axis] * (convolution.kernel_size[axis] - 1) + 1
        missing = max(0, reach - given.shape[2 + axis])
        sides += [missing // 2, math.ceil(missing / 2)]
    left, right, top, bottom = sides
    if (left, top) == (right, bottom):
        return [*found, _plain(convolution, (top, left))]
    return [*found, nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), _plain(convolution, (0, 0)))]


def _plain(convolution: nn.Conv2d, padding: tuple[int, ...]) -> nn.Conv2d:
    with torch.device("meta"):
        made = nn.Conv2d(
            convolution.in_channels,
            convolution.out_channels,
            convolution.kernel_size,  # type: ignore[arg-type]
            convolution.stride,  # type: ignore[arg-type]
            padding,  # type: ignore[arg-type]
            convolution.dilation,  # type: ignore[arg-type]
            convolution.groups,
            convolution.bias is not None,
            convolution.padding_mode,
        )
    made.weight, made.bias = convolution.weight, convolution.bias
    return made.eval()
