from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kit.model.precision.plain import plain_convolutions

PICTURES = torch.rand(2, 3, 15, 18, generator=torch.Generator().manual_seed(1))


class Named(nn.Conv2d):
    """A subclass that changes nothing."""


class Same(nn.Conv2d):
    """TensorFlow's padding, which depends on the picture's size, as timm's Conv2dSame."""

    def forward(self, pictures: Tensor) -> Tensor:
        needed = []
        for axis in (1, 0):
            size, stride = pictures.shape[2 + axis], self.stride[axis]
            reach = (-(-size // stride) - 1) * stride + self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            missing = max(0, reach - size)
            needed += [missing // 2, missing - missing // 2]
        return super().forward(nn.functional.pad(pictures, needed))


class Standardised(nn.Conv2d):
    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures) * 2


def replaced(convolution: nn.Conv2d) -> list[type[nn.Module]]:
    network = nn.Sequential(convolution, nn.ReLU(), nn.Conv2d(convolution.out_channels, 2, 1)).eval()
    made = plain_convolutions(network, PICTURES)
    with torch.inference_mode():
        assert torch.allclose(made(PICTURES), network(PICTURES), atol=1e-5)
    assert made[0] is not network[0]  # type: ignore[index]
    return [type(module) for module in made[0].modules() if not isinstance(module, nn.Sequential)]  # type: ignore[index]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    ("convolution", "plain"),
    [
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), [nn.Conv2d]),
        (nn.Conv2d(3, 4, 3, padding="same"), [nn.Conv2d]),
        (nn.Conv2d(3, 4, 3, padding="valid"), [nn.Conv2d]),
        (nn.Conv2d(3, 4, (3, 5), padding="same", dilation=2, bias=False), [nn.Conv2d]),
        (nn.Conv2d(3, 4, 4, padding="same"), [nn.ZeroPad2d, nn.Conv2d]),
        (Named(3, 6, 3, stride=2, padding=(1, 0), groups=3), [nn.Conv2d]),
        (Same(3, 4, 3, stride=2), [nn.ZeroPad2d, nn.Conv2d]),
        (Same(3, 4, 5, stride=1), [nn.Conv2d]),
        (Standardised(3, 4, 3), [Standardised]),
        (Named(3, 4, 3, padding=1, padding_mode="reflect"), [nn.Conv2d]),
    ],
)
def test_what_answers_the_same_is_made_plain(convolution: nn.Conv2d, plain: list[type[nn.Module]]) -> None:
    assert replaced(convolution) == plain
