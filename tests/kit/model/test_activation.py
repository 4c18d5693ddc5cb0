"""No second softmax, and a sigmoid where one is due: told by what the network answers."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from common.errors import UsageError
from kit.model import activation
from kit.model.deprecated import torchscript
from kit.model.export import export
from kit.model.servable import example
from tests.support_models import Workshop, state

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0]])


@pytest.mark.parametrize(
    ("outputs", "labels", "multilabel", "probabilities", "said"),
    [
        (LOGITS, 3, False, LOGITS.softmax(1), ""),
        (LOGITS.log_softmax(1), 3, False, LOGITS.softmax(1), ""),
        (LOGITS.softmax(1), 3, False, LOGITS.softmax(1), "probabilities already: taken"),
        (LOGITS.softmax(1), 3, True, LOGITS.softmax(1), "probabilities already: taken"),
        (LOGITS.sigmoid(), 3, False, LOGITS.sigmoid(), "probabilities already, each for itself"),
        (LOGITS, 3, True, LOGITS.sigmoid(), "MULTILABEL"),
        (LOGITS[:, :1] - 1, 1, False, (LOGITS[:, :1] - 1).sigmoid(), "one output: its sigmoid"),
        (LOGITS[:, :1].sigmoid(), 1, False, LOGITS[:, :1].sigmoid(), "one output, a probability already"),
    ],
)
def test_what_the_outputs_ask_for(
    outputs: torch.Tensor, labels: int, multilabel: bool, probabilities: torch.Tensor, said: str
) -> None:
    found, remark = activation.of("net", outputs, labels, multilabel)
    assert torch.allclose(found(outputs), probabilities)
    assert bool(remark) == bool(said)
    assert said in remark


@pytest.mark.parametrize("ends", [nn.Identity(), nn.Sigmoid()])
def test_one_output_for_two_labels_is_the_second_ones(ends: nn.Module) -> None:
    outputs = torch.tensor([[-2.0], [0.0], [3.0]])
    found, remark = activation.of("net", ends(outputs), 2, False)
    second = outputs.sigmoid()
    assert torch.allclose(found(ends(outputs)), torch.cat((1 - second, second), 1))
    assert "the second label" in remark


@pytest.mark.parametrize(("outputs", "labels", "words"), [(3, 4, "of 3 names"), (1, 3, "of 1 or 2 names")])
def test_outputs_and_labels_must_be_as_many(outputs: int, labels: int, words: str) -> None:
    with pytest.raises(UsageError, match=f"net has {outputs} outputs, the labels name {labels}") as raised:
        activation.of("net", torch.randn(2, outputs), labels, False)
    assert words in raised.value.hint


@pytest.mark.parametrize("ends", ["softmax(dim=1)", "sigmoid()"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_network_that_ends_in_probabilities_exports_them(workshop: Workshop, ends: str, precision: str) -> None:
    text = (workshop.folder / "net.py").read_text()
    arch = workshop.write_network("ended.py", text.replace("mean((2, 3)))", f"mean((2, 3))).{ends}"))
    workshop.profile.model_config.write_text(f"handler: {{precision: {precision}}}\n")
    weights = state()
    weights["head.weight"] *= 3
    save_file(weights, str(workshop.weights))
    done = export(workshop.profile, workshop.request(arch))
    assert any("answers probabilities already" in note for note in done.notes)
    answers = torchscript.load(workshop.profile.build.model("model.pt"))(example(3, 32))
    sums = answers.sum(dim=1)
    assert bool(((sums - 1).abs() < 1e-3).all()) == (ends == "softmax(dim=1)")
