"""Which convolutions torch has no good int8 kernel for: they would take many times what they take in float.

Measured with 64 or 58 channels of 28×28 on an AMD EPYC (Zen 3), one thread: 8 ms in int8 and 0.15 in float for the
depthwise ones that FBGEMM's takeDepthWiseFastPath turns away; 2.4 and 0.35 for a 7×7 one in QNNPACK, whose depthwise
kernels are of 9 and 25 taps. Both have kernels for convolutions in groups of more than one channel.
"""

from __future__ import annotations

import math

from torch import nn


def slow_in_int8(layer: nn.Module, engine: str) -> bool:
    """`engine`: "x86" or "qnnpack"."""
    if not isinstance(layer, nn.Conv2d) or not 1 < layer.groups == layer.in_channels == layer.out_channels:
        return False
    if engine == "qnnpack":
        return math.prod(layer.kernel_size) not in (9, 25)
    centred = layer.padding == tuple((size - 1) // 2 for size in layer.kernel_size)
    return layer.groups % 8 != 0 or not centred or layer.dilation != (1, 1)
