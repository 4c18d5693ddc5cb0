"""Whether a checkpoint fits an architecture, and how many classes it was trained on."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kit.errors import KitError
from kit.model import architecture as architectures
from kit.model.architecture import Architecture

Shapes = Mapping[str, tuple[int, ...]]
COUNTER = "num_batches_tracked"  # old checkpoints have none, and evaluation needs none


def classes_in(state: Shapes, few: Shapes, many: Shapes) -> int | None:
    """How many classes a checkpoint has: its size where the network's layers change with the classes.

    `few` and `many` are the network's shapes for two numbers of classes. None when the checkpoint lacks those
    layers or they have other dimensions (then it does not fit anyway).
    """
    for name, shape in few.items():
        grown = [axis for axis, size in enumerate(shape) if size != many[name][axis]]
        if grown and len(state.get(name, ())) == len(shape):
            return state[name][grown[-1]]
    return None


def trained_classes(architecture: Architecture, state: Mapping[str, Tensor], labels: int, crop: int) -> int:
    """The checkpoint's number of classes; the labels' where the checkpoint does not tell."""
    if not architecture.takes_classes:
        return labels
    few, many = (architectures.shapes(architecture, count, crop, state) for count in (labels, labels + 1))
    return classes_in({name: tuple(value.shape) for name, value in state.items()}, few, many) or labels


def misfit(state: Shapes, network: Shapes) -> str:
    """What does not fit, as one sentence; "" when all does."""
    other = [name for name, shape in network.items() if name in state and state[name] != shape]
    missing = [name for name in network if name not in state and not name.endswith(COUNTER)]
    unknown = [name for name in state if name not in network]
    said = []
    if other:
        first = other[0]
        said.append(
            f"{first} is {list(state[first])} in the file and {list(network[first])} in the network"
            f" ({_counted(len(other), 'layer')} of another shape)"
        )
    if missing:
        said.append(f"{_counted(len(missing), 'layer')} not in the file: {_first(missing)}")
    if unknown:
        said.append(f"{_counted(len(unknown), 'layer')} the network does not have: {_first(unknown)}")
    return "; ".join(said)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def load(network: nn.Module, state: Mapping[str, Tensor], file: str, architecture: str) -> None:
    """Put the weights into the network. Raises KitError naming what does not fit."""
    found = {name: tuple(value.shape) for name, value in state.items()}
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if said := misfit(found, wanted):
        raise KitError(
            f"{file} does not fit {architecture}: {said}",
            "give the ARCH that the weights were trained with",
        )
    network.load_state_dict(dict(state), strict=False)
