"""A network that cannot be served is refused for what it is, not for what tracing makes of it."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from common.errors import KitError
from kit.model.source.resolving import resolve
from tests.support_models import PREPROCESSING, Workshop, state

NET = """
import torch
from torch import nn
from torch.nn import functional
from net import Tiny

class Other(Tiny):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        {init}

    def forward(self, x):
        {forward}

def make(num_classes):
    return Other(num_classes)
"""
PLAIN = "return super().forward(x)"


def resolved(workshop: Workshop, init: str = "pass", forward: str = PLAIN) -> str:
    arch = workshop.write_network("other.py", NET.format(init=init, forward=forward))
    with pytest.raises(KitError) as raised:
        resolve(workshop.request(arch))
    assert raised.value.hint
    return raised.value.message


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["head.weight", "norm.running_var"])
def test_weights_that_are_no_numbers(workshop: Workshop, name: str, figure: float) -> None:
    weights = state()
    weights[name].view(-1)[0] = figure
    save_file(weights, str(workshop.weights))
    assert f"NaN or infinite in {name}" in resolved(workshop)


def test_batch_norm_left_in_training(workshop: Workshop) -> None:
    assert "batch norm is left in training (norm)" in resolved(
        workshop, init="self.train = lambda mode=True: self; self.norm.training = True"
    )


def test_batch_norm_without_statistics(workshop: Workshop) -> None:
    weights = {name: value for name, value in state().items() if "running" not in name and "batches" not in name}
    save_file(weights, str(workshop.weights))
    said = resolved(workshop, init="self.norm = nn.BatchNorm2d(8, track_running_stats=False)")
    assert "batch norm keeps no statistics (norm)" in said


@pytest.mark.parametrize(
    "forward",
    [
        "return functional.dropout(super().forward(x), 0.5)",
        "return super().forward(x) + torch.rand(3)",
        "return super().forward(x + torch.randn_like(x))",
    ],
)
def test_answers_that_are_random(workshop: Workshop, forward: str) -> None:
    assert "answers the same picture differently each time" in resolved(workshop, forward=forward)


def test_dropout_that_eval_does_not_reach_is_named(workshop: Workshop) -> None:
    said = resolved(
        workshop,
        init="self.drop = nn.Dropout(); self.drop.eval = self.drop.train = lambda mode=True: self.drop",
        forward="return self.drop(super().forward(x))",
    )
    assert "still in training: drop" in said


@pytest.mark.parametrize(
    "forward",
    [
        "return super().forward(x - x.mean())",
        "return super().forward(x).softmax(dim=0)",
        "return super().forward(x) * len(x)",
        "return super().forward(x.flip(0))",
    ],
)
def test_answers_that_depend_on_the_batch(workshop: Workshop, forward: str) -> None:
    assert "differently when others are beside it" in resolved(workshop, forward=forward)


def test_a_network_that_makes_much_of_rounding_is_not_said_to_look_at_the_batch(workshop: Workshop) -> None:
    # Float32 adds up a batch in another order than one picture; here, a difference of 1e-7 is one of 1 in the end.
    forward = "off = 1e-7 * (len(x) > 1) if x.dtype == torch.float32 else 0.0; return super().forward(x) + 1e7 * off"
    resolve(workshop.request(workshop.write_network("other.py", NET.format(init="pass", forward=forward))))


def test_a_network_that_cannot_answer_a_black_picture_is_taken_and_it_is_said(workshop: Workshop) -> None:
    divides = "return super().forward((x - x.mean((1, 2, 3), True)) / x.std((1, 2, 3), keepdim=True))"
    arch = workshop.write_network("other.py", NET.format(init="pass", forward=divides))
    gray = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    (workshop.folder / "preprocessing.json").write_text(json.dumps(PREPROCESSING | gray))
    assert any("a black picture is answered with NaN" in note for note in resolve(workshop.request(arch)).notes)


def test_a_sound_network_is_taken(workshop: Workshop) -> None:
    assert resolve(workshop.request()).logits(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
