"""How the names in a checkpoint fit a network's: wrappers come off, and a head may be called differently.

DataParallel, torch.compile, Lightning, averaged models and the like put a prefix before every name, or a name of
theirs between two others. Which prefix it is, is told by the network: what it stands before are the network's names.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

COUNTER = "num_batches_tracked"  # old checkpoints have none, and evaluation needs none
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
# Densenet weights of before torch 0.4 are named "denselayer1.norm.1.weight".
OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")
# What training and profiling leave among the weights of a network: losses, counts of averages, metrics.
LEFT_BY_TRAINING = re.compile(
    r"^(criterion|\w*loss\w*|\w*metrics?|(train|val|valid|test)_\w+|ema\w*|teacher\w*)\b"
    r"|(^|\.)(n_averaged|total_ops|total_params|decay|num_updates)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Network:
    """A network's shapes by name. `many` are those it would have with one class more: where the two differ, the size
    is the number of classes. `crop`: the pictures' size in pixels that it was built for, where a weight depends on it,
    else 0."""

    few: Shapes
    many: Shapes
    crop: int = 0

    def grows(self, name: str) -> list[int]:
        """The axes of a weight whose size depends on the number of classes."""
        return [axis for axis, size in enumerate(self.few[name]) if size != self.many[name][axis]]

    def takes(self, name: str, shape: Shape) -> bool:
        """Whether a weight of that shape fits there, with some number of classes."""
        wanted, grows = self.few[name], self.grows(name)
        return len(shape) == len(wanted) and all(
            axis in grows or size == wanted[axis] for axis, size in enumerate(shape)
        )


@dataclass(frozen=True)
class Fit:
    """`names`: the network's name → the file's. `prefix` and `inner` (names of wrappers) came off; `head` is what the
    file calls the network's head, "" where both call it the same; `aside`: what is left and does no harm;
    `unknown`: what is left and may; `missing`: what the network has and the file has not."""

    names: dict[str, str]
    prefix: str = ""
    inner: tuple[str, ...] = ()
    head: str = ""
    aside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def complete(self, network: Network, shapes: Shapes) -> bool:
        fits = all(network.takes(name, shapes[given]) for name, given in self.names.items())
        return fits and not self.missing and not self.unknown


def fits(shapes: Shapes, network: Network) -> list[Fit]:
    """How a checkpoint of these shapes fits: a Fit for each prefix that stands before names of the network, the one
    that leaves the least missing first."""
    found = [_with_prefix(shapes, network, prefix) for prefix in _prefixes(shapes, network)]
    return sorted(found, key=lambda fit: (not fit.complete(network, shapes), len(fit.missing)))


def _prefixes(shapes: Shapes, network: Network) -> Iterable[str]:
    """In the file's order."""
    found = Counter(
        "".join(f"{part}." for part in parts[:at])
        for name in shapes
        for parts in [name.split(".")]
        for at in range(len(parts))
        if _known(parts[at:], network)
    )
    return found or [""]


def _known(parts: list[str], network: Network) -> bool:
    """Whether a name is the network's; a wrapper's name before it belongs to the prefix."""
    literal = ".".join(parts)
    return literal in network.few or (parts[0] not in WRAPPERS and _plain(literal) in network.few)


def _plain(name: str) -> str:
    unwrapped = ".".join(part for part in name.split(".") if part not in WRAPPERS)
    return OLD_DENSENET.sub(r"\1\2", unwrapped)


def _with_prefix(shapes: Shapes, network: Network, prefix: str) -> Fit:
    below = {name.removeprefix(prefix): name for name in shapes if name.startswith(prefix)}
    names = {name: given for name, given in below.items() if name in network.few}
    inner: dict[str, None] = {}
    for name, given in below.items():
        plain = _plain(name)
        if name not in network.few and plain in network.few and plain not in names:
            names[plain] = given
            inner |= dict.fromkeys(part for part in name.split(".") if part in WRAPPERS)
    missing = [name for name in network.few if name not in names and not name.endswith(COUNTER)]
    taken = set(names.values())
    left = [name for name in shapes if name not in taken]
    head, renamed = _head(missing, left, shapes, network)
    left = [name for name in left if name not in renamed.values()]
    # A prefix says where the network ends; without one, what is left may be layers of another network.
    aside = [
        name
        for name in left
        if (prefix and not name.startswith(prefix)) or LEFT_BY_TRAINING.search(name.removeprefix(prefix))
    ]
    return Fit(
        names | renamed,
        prefix,
        tuple(inner),
        head,
        tuple(aside),
        tuple(name for name in left if name not in aside),
        tuple(name for name in missing if name not in renamed),
    )


def _head(missing: list[str], left: list[str], shapes: Shapes, network: Network) -> tuple[str, dict[str, str]]:
    """The layer of the file that is the network's head, and its names: where the head is all that is missing, and just
    one of the layers that are left over has its weights and shapes. "" where it is not so."""
    layers = {_layer(name) for name in missing}
    if len(layers) != 1 or not _is_last(missing, network):
        return "", {}
    wanted = {_leaf(name): name for name in missing}
    given: dict[str, dict[str, str]] = defaultdict(dict)
    for name in left:
        given[_layer(name)][_leaf(name)] = name
    fitting = [
        layer
        for layer, names in given.items()
        if names.keys() == wanted.keys() and all(network.takes(wanted[leaf], shapes[names[leaf]]) for leaf in wanted)
    ]
    if len(fitting) != 1:
        return "", {}
    return fitting[0], {wanted[leaf]: name for leaf, name in given[fitting[0]].items()}


def _is_last(missing: list[str], network: Network) -> bool:
    return any(network.grows(name) for name in missing) or missing[-1] == list(network.few)[-1]


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]
