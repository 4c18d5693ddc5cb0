"""Which convolutions stay in float because torch's int8 kernels for them are slow."""

import pytest
from torch import nn

from kit.model.deprecated.kernels import slow_in_int8


@pytest.mark.parametrize(
    ("layer", "slow_on"),
    [
        (nn.Conv2d(64, 64, 3, padding=1, groups=64), ()),
        (nn.Conv2d(64, 64, 5, stride=2, padding=2, groups=64), ()),
        (nn.Conv2d(58, 58, 3, padding=1, groups=58), ("x86",)),  # ShuffleNet's
        (nn.Conv2d(64, 64, 3, stride=2, groups=64), ("x86",)),  # after a padding of its own, as TensorFlow's
        (nn.Conv2d(64, 64, 3, padding=2, dilation=2, groups=64), ("x86",)),
        (nn.Conv2d(64, 64, 7, padding=3, groups=64), ("qnnpack",)),  # ConvNeXt's
        (nn.Conv2d(24, 24, 3, padding=1, groups=3), ()),
        (nn.Conv2d(64, 128, 3, padding=1, groups=64), ()),
        (nn.Conv2d(1, 1, 3), ()),
        (nn.Linear(8, 8), ()),
    ],
)
def test_depthwise_convolutions_without_a_kernel_are_slow(layer: nn.Module, slow_on: tuple[str, ...]) -> None:
    assert tuple(engine for engine in ("x86", "qnnpack") if slow_in_int8(layer, engine)) == slow_on
