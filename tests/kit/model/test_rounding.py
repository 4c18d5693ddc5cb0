"""int8's rounding in float32: which layer's does the harm, and biases that fix what it shifts."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kit.model.deprecated.quantization import Calibrated, Observer, layer_in
from kit.model.deprecated.rounding import Rounding, by_channel
from kit.model.precision.sensitivity import by_picture

LAYERS = ["0", "3", "6", "10"]


def network(outlier: str = "") -> nn.Sequential:
    """Four layers; the one named `outlier` has a channel so large that its answers' other channels fall into a few of
    eight bits' steps, and the next one drops that channel."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).eval()
    if outlier:
        following = LAYERS[LAYERS.index(outlier) + 1]
        with torch.no_grad():
            made.get_submodule(outlier).bias[0] = 200.0  # type: ignore[operator]
            weight: Any = made.get_submodule(following).weight
            weight[0 if following == "3" else (slice(None), 0)] = 0.0
    return made


def batches() -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        yield torch.rand(8, 3, 16, 16, generator=generator)


def lead(answers: Tensor) -> Tensor:
    best = answers.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


@pytest.mark.parametrize("outlier", ["0", "6"])
def test_the_layer_that_int8_harms_is_found_and_its_harm_is_what_it_does(outlier: str) -> None:
    original = network(outlier)
    calibrated = Calibrated(original, "x86", batches())
    assert calibrated.layers == LAYERS
    harm = Rounding(calibrated).harm(batches())
    assert max(LAYERS[:-1], key=harm.__getitem__) == outlier
    pictures = torch.cat(list(batches()))
    alone = calibrated.converted([name for name in LAYERS if name != outlier], clips=True, functions=False)
    with torch.inference_mode():
        moved = (lead(alone(pictures)) - lead(original(pictures))).abs().mean()
    assert harm[outlier] == pytest.approx(float(moved), rel=0.5)


def test_the_network_is_the_same_after_its_harm_was_measured() -> None:
    original = network()
    rounding = Rounding(Calibrated(original, "x86", batches()))
    first = rounding.harm(batches())
    rounding.mended_biases(next(batches()), ())
    assert rounding.harm(batches()) == first
    with torch.inference_mode():
        assert torch.allclose(rounding.network(next(batches())), original(next(batches())), atol=1e-5)


@pytest.mark.parametrize("engine", ["x86", "qnnpack"])
def test_corrected_biases_bring_the_answers_back_to_their_averages(engine: str) -> None:
    original = network("0")
    calibrated = Calibrated(original, engine, batches())
    pictures = torch.cat(list(batches()))
    biases = Rounding(calibrated).mended_biases(pictures, ["10"])
    assert set(biases) == set(LAYERS)

    def off(mended: dict[str, Tensor]) -> float:
        with torch.inference_mode():
            found = calibrated.converted(["10"], clips=True, functions=False, biases=mended)(pictures)
            return float((found - original(pictures)).mean(dim=0).abs().max())

    assert off(biases) < off({}) / 4


def test_a_layer_in_float_keeps_its_weights_while_the_others_are_rounded() -> None:
    calibrated = Calibrated(network(), "x86", batches())
    all_in_float = Rounding(calibrated).mended_biases(next(batches()), LAYERS)
    for name, bias in all_in_float.items():
        assert torch.allclose(bias, layer_in(calibrated.prepared(functions=False).get_submodule(name)).bias, atol=1e-5)


def test_one_look_at_the_pictures_gives_both_kinds_of_ranges() -> None:
    observer = Observer(reduce_range=False)
    values = torch.randn(100_000, generator=torch.Generator().manual_seed(0)).abs() ** 2
    observer(values[:50_000])
    observer(values[50_000:])
    clipped, _ = observer.calculate_qparams()
    observer.clips = False
    whole, _ = observer.calculate_qparams()
    assert float(whole) == pytest.approx(float(values.max()) / 255)
    assert float(clipped) < 0.95 * float(whole)


def test_no_pair_of_products_overflows_sixteen_bits_on_x86() -> None:
    made = Calibrated(network(), "x86", batches()).converted(["10"], clips=True, functions=True)
    for name in LAYERS[:-1]:
        assert made.get_submodule(name).weight().int_repr().int().abs().max() <= 64  # type: ignore[operator]


def test_harm_needs_a_gradient() -> None:
    class Stopped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = network()

        def forward(self, pictures: Tensor) -> Tensor:
            return functional.relu(self.layers(pictures).detach())

    with pytest.raises(RuntimeError):
        Rounding(Calibrated(Stopped().eval(), "x86", batches())).harm(batches())


def test_parts_of_a_picture_count_for_it() -> None:
    windows = torch.arange(12.0).reshape(6, 2)  # three windows of each of two pictures
    assert by_picture(windows, 2).tolist() == [15.0, 51.0]
    assert by_picture(torch.ones(3, 2), 2).tolist() == [6.0]


def test_channels_are_where_the_layer_has_them() -> None:
    assert by_channel(torch.ones(2, 5, 3, 3), nn.Conv2d(1, 5, 1)).shape == (5,)
    assert by_channel(torch.ones(2, 7, 5), nn.Linear(1, 5)).shape == (5,)
