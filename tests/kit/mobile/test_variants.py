import torch
from torch import Tensor, nn
from torchvision import transforms

from kit.mobile.formats.variants import FLOATS, PIXELS, VARIANTS
from kit.mobile.formats.wrapping import wrap
from kit.model.source.preprocessing import Preprocessing

STEPS = Preprocessing(36, 32, "bilinear", True, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def crop() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=generator)


def test_floats_are_the_training_pipelines_to_the_last_bit() -> None:
    given = FLOATS.input(crop(), STEPS)
    assert given.shape == (1, 3, 32, 32)
    assert torch.equal(given, transforms.Normalize(STEPS.mean, STEPS.std)(crop().div(255)).unsqueeze(0))


def test_pixels_lie_as_in_a_bitmap() -> None:
    picture = transforms.ToPILImage()(crop())
    given = PIXELS.input(crop(), STEPS)
    assert (given.shape, given.dtype) == ((1, 32, 32, 3), torch.uint8)
    assert given.numpy().tobytes() == picture.tobytes()


def test_both_inputs_give_the_networks_probabilities() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()
    with torch.no_grad():
        wanted = network(STEPS.normalised(crop().unsqueeze(0))).softmax(dim=1)
        for variant in VARIANTS:
            found = wrap(network, nn.Softmax(dim=1), STEPS, variant)(variant.input(crop(), STEPS))
            assert torch.allclose(found, wanted, atol=1e-6), variant.name


def test_the_one_cannot_be_taken_for_the_other() -> None:
    assert len({variant.shape(32) for variant in VARIANTS}) == len({variant.dtype for variant in VARIANTS}) == 2
    for variant in VARIANTS:
        example = variant.example(32)
        assert (tuple(example.shape), str(example.dtype)) == (variant.shape(32), f"torch.{variant.dtype}")
