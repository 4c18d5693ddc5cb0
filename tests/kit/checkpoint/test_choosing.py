"""The right weights under other names: what a training script puts around them comes off, and is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from common.errors import KitError, UsageError
from kit.checkpoint.choosing import Weights, choose
from kit.checkpoint.names import Network

State = dict[str, Tensor]
FILE = Path("w.pt")


class Net(nn.Module):
    """A body, and a head for 5 classes."""

    def __init__(self, classes: int = 5, head: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 8, 3))
        self.fc = head(classes) if head else nn.Linear(8, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        found: Tensor = self.fc(self.blocks(self.norm(self.conv(pictures))).mean((2, 3)))
        return found


class Own(nn.Module):
    """A network with parameters below names that wrappers have too."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.module = nn.Linear(3, 4)
        self._orig_mod = nn.Linear(4, classes)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def network(kind: Callable[[int], nn.Module] = Net) -> Network:
    return Network(shapes(kind(7)), shapes(kind(8)))


def chosen(content: Any, key: str = "", kind: Callable[[int], nn.Module] = Net) -> Weights:
    return choose(content, network(kind), key, FILE, "net")


def same(weights: Weights, wanted: nn.Module) -> bool:
    state = wanted.state_dict()
    return weights.tensors.keys() == state.keys() and all(
        torch.equal(value, state[name]) for name, value in weights.tensors.items()
    )


def prefixed(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": value for name, value in state.items()}


TRAINED = Net()
STATE = TRAINED.state_dict()
LOSS = {"criterion.weight": torch.ones(5)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (STATE, []),
        ({"model_state_dict": STATE}, []),
        ({"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, []),
        ({"anything": {"goes": STATE}}, []),
        ({"state_dict": prefixed("model.", STATE) | LOSS}, ["taken off the names: model.", "aside: criterion.weight"]),
        ({"state_dict": prefixed("module.", STATE)}, ["taken off the names: module."]),
        (prefixed("module._orig_mod.", STATE), ["taken off the names: module._orig_mod."]),
        (prefixed("_orig_mod.module.", STATE), ["taken off the names: _orig_mod.module."]),
        ({"state_dict": prefixed("net.backbone._orig_mod.", STATE)}, ["off the names: net.backbone._orig_mod."]),
        (AveragedModel(TRAINED).state_dict(), ["taken off the names: module.", "left aside: n_averaged"]),
        ({**STATE, "epoch": 3, "best": 0.9}, ["left aside: epoch, best"]),
        ({**STATE, "conv.total_ops": torch.ones(1), **LOSS}, ["left aside: conv.total_ops, criterion.weight"]),
        (
            {name.replace("blocks.", "blocks._orig_mod."): value for name, value in prefixed("model.", STATE).items()},
            ["taken off the names: model., _orig_mod."],
        ),
    ],
)
def test_wrappings_come_off_and_are_said(content: Any, said: list[str]) -> None:
    found = chosen(content)
    assert same(found, TRAINED)
    assert found.classes == 5
    assert len(found.notes) == bool(said)
    for words in said:
        assert words in found.notes[0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_become_float32_and_counters_stay(dtype: torch.dtype) -> None:
    found = chosen({name: value.to(dtype) if value.is_floating_point() else value for name, value in STATE.items()})
    assert found.tensors["conv.weight"].dtype == torch.float32
    assert found.tensors["norm.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.module."])
def test_a_network_with_a_wrappers_name_among_its_own_loads(prefix: str) -> None:
    trained = Own()
    assert same(chosen(prefixed(prefix, trained.state_dict()), kind=Own), trained)


AVERAGE = Net()


@pytest.mark.parametrize(
    ("content", "plain", "average"),
    [
        ({"model_ema": prefixed("module.", AVERAGE.state_dict()), "model": STATE}, "model", "model_ema"),
        ({"state_dict": STATE, "state_dict_ema": AVERAGE.state_dict()}, "state_dict", "state_dict_ema"),
        ({"ema": {"shadow": AVERAGE.state_dict()}, "net": STATE}, "net", "ema.shadow"),
        (
            {"state_dict": prefixed("ema_model.module.", AVERAGE.state_dict()) | prefixed("model.", STATE)},
            "state_dict.model",
            "ema_model.module",
        ),
        (STATE | prefixed("ema_model.", AVERAGE.state_dict()), "those without a prefix", "ema_model"),
    ],
)
def test_of_several_sets_the_plain_one_is_taken_and_a_key_takes_the_other(
    content: Any, plain: str, average: str
) -> None:
    found = chosen(content)
    assert same(found, TRAINED)
    assert f"took {plain}; the file also has" in found.notes[0]
    assert "WEIGHTS_KEY=" in found.notes[0]
    other = chosen(content, average)
    assert same(other, AVERAGE)


def test_a_key_that_is_not_there_is_wrong_use_and_told_the_others() -> None:
    with pytest.raises(UsageError, match="WEIGHTS_KEY=ema") as raised:
        chosen({"model": STATE, "model_ema": STATE}, "ema")
    assert "WEIGHTS_KEY=model, WEIGHTS_KEY=model_ema" in raised.value.hint
    with pytest.raises(UsageError) as raised:
        chosen(STATE, "ema")
    assert "no key" in raised.value.hint


def dropout_head(classes: int) -> nn.Module:
    return nn.Sequential(nn.Dropout(), nn.Linear(8, classes))


@pytest.mark.parametrize("outside", [False, True])
def test_a_head_of_another_name_is_used_when_it_fits(outside: bool) -> None:
    trained = Net(head=dropout_head)
    state = trained.state_dict()
    if outside:  # a Lightning module with the body and the head beside each other
        state = {
            name.replace("fc.1", "classifier") if "fc" in name else f"model.{name}": value
            for name, value in state.items()
        }
    found = chosen(state)
    assert found.classes == 5
    assert torch.equal(found.tensors["fc.weight"], trained.fc[1].weight)  # type: ignore[index]
    assert f"the file's {'classifier' if outside else 'fc.1'} was taken for the network's fc" in found.notes[0]


def test_a_plain_head_fits_a_network_with_dropout_before_it() -> None:
    found = chosen(STATE, kind=lambda classes: Net(classes, dropout_head))
    assert torch.equal(found.tensors["fc.1.weight"], TRAINED.fc.weight)  # type: ignore[arg-type]


def test_a_head_of_two_layers_is_told_exactly() -> None:
    trained = Net(head=lambda classes: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, classes)))
    with pytest.raises(KitError) as raised:
        chosen(trained.state_dict())
    assert "2 weights not in the file: fc.weight [7, 8], fc.bias [7]" in raised.value.message
    assert "fc.0.weight [8, 8], fc.0.bias [8], fc.1.weight [5, 8], …" in raised.value.message
    assert "the head differs: ARCH=" in raised.value.hint


def test_a_head_of_other_inputs_is_not_taken() -> None:
    trained = Net(head=lambda classes: nn.Sequential(nn.Dropout(), nn.Linear(9, classes)))
    with pytest.raises(KitError, match=r"fc\.1\.weight \[5, 9\]"):
        chosen(trained.state_dict())


def test_layers_that_the_network_lacks_are_never_left_aside() -> None:
    deeper = Net()
    deeper.blocks.append(nn.Conv2d(8, 8, 3))
    for prefix in ("", "model."):
        with pytest.raises(KitError, match=r"2 weights the network does not have: .*blocks\.2\.weight"):
            chosen({"state_dict": prefixed(prefix, deeper.state_dict())})


def test_the_weights_of_another_network_are_refused_by_layer() -> None:
    state = dict(STATE)
    state["conv.weight"] = torch.zeros(16, 3, 3, 3)
    with pytest.raises(KitError, match=r"conv\.weight is \[16, 3, 3, 3\] in the file and \[4, 3, 3, 3\]") as raised:
        chosen(state)
    assert "ARCH" in raised.value.hint


@pytest.mark.parametrize("content", [{"epoch": 3, "state_dict": {"layer": "text"}}, [1, 2], {}, torch.ones(2)])
def test_a_file_without_weights_is_no_state_dict(content: Any) -> None:
    with pytest.raises(KitError, match="holds no state dict"):
        chosen(content)


def test_names_of_old_densenets_are_understood() -> None:
    name = "features.denseblock1.denselayer1.norm1.weight"
    few = Network({name: (1,)}, {name: (1,)})
    state = {"module.features.denseblock1.denselayer1.norm.1.weight": torch.ones(1)}
    assert list(choose(state, few, "", FILE, "densenet121").tensors) == [name]


def test_nothing_is_loaded_into_a_network_of_other_shapes() -> None:
    wide = Net(6)
    before = wide.conv.weight.clone()
    with pytest.raises(KitError, match=r"w\.pt does not fit net: fc\.weight is \[5, 8\]"):
        chosen(STATE).load_into(wide, "w.pt", "net")
    assert torch.equal(wide.conv.weight, before)
