import pytest
import torch
from torch import nn

from kit.errors import KitError
from kit.model import architecture, fitting


def test_the_misfit_names_the_first_layer_with_both_shapes_and_counts_the_rest() -> None:
    network = {"a": (2, 3), "b": (4,), "c": (5,), "n.num_batches_tracked": ()}
    said = fitting.misfit({"a": (2, 9), "b": (7,), "z": (1,)}, network)
    assert said == (
        "a is [2, 9] in the file and [2, 3] in the network (2 layers of another shape); "
        "1 layer not in the file: c; 1 layer the network does not have: z"
    )


def test_what_fits_has_no_misfit() -> None:
    assert fitting.misfit({"a": (2, 3)}, {"a": (2, 3), "n.num_batches_tracked": ()}) == ""


def test_the_number_of_classes_is_read_where_the_network_grows_with_it() -> None:
    few, many = {"body": (8, 8), "head": (4, 3)}, {"body": (8, 8), "head": (4, 4)}
    assert fitting.classes_in({"body": (9, 9), "head": (4, 11)}, few, many) == 11
    assert fitting.classes_in({"body": (9, 9)}, few, many) is None
    assert fitting.classes_in({"head": (4,)}, few, many) is None


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0", "vit_b_32", "swin_t", "maxvit_t"])
def test_the_number_of_classes_of_real_networks(name: str) -> None:
    chosen = architecture.choose(name)
    with torch.device("meta"):
        state = chosen.build(17, 224).state_dict()
    assert fitting.trained_classes(chosen, state, 5, 224) == 17


def test_a_checkpoint_of_another_network_is_refused_and_nothing_is_loaded() -> None:
    network = nn.Linear(2, 2)
    before = network.weight.clone()
    with pytest.raises(KitError, match=r"w\.pt does not fit linear: weight is \[3, 2\]"):
        fitting.load(network, {"weight": torch.ones(3, 2), "bias": torch.ones(2)}, "w.pt", "linear")
    assert torch.equal(network.weight, before)
