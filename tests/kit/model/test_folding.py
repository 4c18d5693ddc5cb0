from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.model.precision.folding import folded

PICTURES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))


class OwnConvolution(nn.Conv2d):
    """As timm's and others', a subclass with a forward of its own."""

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(pictures, (1, 0, 1, 0)))


class Standardised(nn.Conv2d):
    """Computes its weights when it runs, so that nothing can be folded into them."""

    def forward(self, pictures: Tensor) -> Tensor:
        weight = (self.weight - self.weight.mean()) / self.weight.std()
        found: Tensor = self._conv_forward(pictures, weight, self.bias)
        return found


class Net(nn.Module):
    def __init__(self, convolution: type[nn.Conv2d] = nn.Conv2d, affine: bool = True) -> None:
        super().__init__()
        self.first, self.norm = convolution(3, 8, 3, bias=False), nn.BatchNorm2d(8, affine=affine)
        self.second, self.other = nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)
        self.shared = nn.BatchNorm2d(4)
        generator = torch.Generator().manual_seed(2)
        for norm in (self.norm, self.other, self.shared):
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.uniform_(-3, 3, generator=generator)
            norm.running_var.uniform_(1e-3, 1e-1, generator=generator)

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.other(self.second(self.norm(self.first(pictures)).relu()))
        answer: Tensor = (self.shared(found) + self.shared(found * 2)).mean((2, 3))
        return answer


def off(network: nn.Module, wanted: nn.Module) -> float:
    with torch.inference_mode():
        return float((network(PICTURES) - wanted(PICTURES)).abs().max())


def is_identity(norm: nn.BatchNorm2d) -> bool:
    assert norm.running_mean is not None
    return not norm.running_mean.any()


def test_batch_norms_after_a_convolution_do_nothing_any_more_and_the_answers_stay() -> None:
    for convolution in (nn.Conv2d, OwnConvolution):
        for affine in (True, False):
            network = Net(convolution, affine).eval()
            made = folded(network, PICTURES)
            assert isinstance(made, Net)
            assert off(made, network) < 1e-3
            assert (is_identity(made.norm), is_identity(made.other), is_identity(made.shared)) == (True, True, False)
            assert not is_identity(network.norm)


def test_a_copy_that_would_answer_otherwise_is_not_taken() -> None:
    network = Net(Standardised).eval()
    made = folded(network, PICTURES)
    assert isinstance(made, Net)
    assert (off(made, network), is_identity(made.other)) == (0.0, False)


def test_bfloat16_loses_less_than_unfolded() -> None:
    network = Net().eval()
    wanted = network(PICTURES)

    def lost(made: nn.Module) -> float:
        with torch.inference_mode():
            return float((made.to(torch.bfloat16)(PICTURES.to(torch.bfloat16)).float() - wanted).abs().mean())

    assert lost(folded(network, PICTURES)) < 0.8 * lost(Net().eval())
