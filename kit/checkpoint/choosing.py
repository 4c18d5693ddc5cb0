"""Which of a checkpoint's sets of weights a network gets, and what is said about it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from common.errors import KitError, UsageError
from common.words import listed
from kit.checkpoint.kinds import SAVE_A_STATE_DICT
from kit.checkpoint.misfit import misfit, other_crop
from kit.checkpoint.names import Fit, Network, fits
from kit.checkpoint.sets import AVERAGED, WeightSet, find


@dataclass(frozen=True, eq=False)
class Option:
    """One set of weights, read with one prefix."""

    found: WeightSet
    fit: Fit

    @property
    def key(self) -> str:
        """Its name for WEIGHTS_KEY: where the set stands in the file, and the prefix in it."""
        return ".".join(part for part in (self.found.key, self.fit.prefix.rstrip(".")) if part)

    def answers_to(self, key: str) -> bool:
        return key in (self.key, self.found.key, self.fit.prefix.rstrip("."))


@dataclass(frozen=True)
class Weights:
    """`tensors` by the network's names. `classes`: how many the weights were trained on, None where the network does
    not tell. `notes`: which set was taken, and what came off."""

    tensors: dict[str, Tensor]
    classes: int | None
    versions: dict[str, Any]
    notes: tuple[str, ...]

    def load_into(self, network: nn.Module, file: str, architecture: str) -> None:
        """Raises KitError naming what does not fit."""
        wanted = network.state_dict()
        found = {name: tuple(value.shape) for name, value in self.tensors.items()}
        if said := misfit(found, {name: tuple(value.shape) for name, value in wanted.items()}):
            raise KitError(f"{file} does not fit {architecture}: {said}", OTHER_ARCH)
        state = OrderedDict(self.tensors)
        # A few networks ask which version of their format this is; a file without one is taken for today's.
        state._metadata = getattr(wanted, "_metadata", {}) | self.versions  # type: ignore[attr-defined]
        network.load_state_dict(state, strict=False)


OTHER_ARCH = "give the ARCH that the weights were trained with"


def choose(content: Any, network: Network, key: str, file: Path, architecture: str) -> Weights:
    """The weights in `content`, a checkpoint as it was read from `file`, for a network of these shapes.

    `key`: WEIGHTS_KEY, "" when not given. Raises UsageError when there is no such set, KitError when none fits.
    """
    sets = find(content)
    if not sets:
        held = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        raise KitError(
            f"{file} holds no state dict (it holds: {held or 'nothing'})",
            SAVE_A_STATE_DICT,
        )
    options = [Option(found, fit) for found in sets for fit in fits(found.shapes, network)]
    complete = [option for option in options if option.fit.complete(network, option.found.shapes)]
    asked = [option for option in options if option.answers_to(key)] if key else options
    if not asked:
        raise UsageError(f"{file} holds no weights under WEIGHTS_KEY={key}", f"it has {_keys(complete or options)}")
    fitting = [option for option in asked if option in complete]
    if not fitting:
        raise _refusal(asked, network, file, architecture)
    # The names of two sets in one may both say that they are averages, as in a file of averages.
    taken = next((option for option in fitting if not AVERAGED.search(option.key)), fitting[0])
    return _weights(taken, [option.key for option in complete if option is not taken], network)


def _weights(taken: Option, others: Sequence[str], network: Network) -> Weights:
    fit, weights = taken.fit, taken.found.weights
    tensors = {name: weights[given] for name, given in fit.names.items()}
    of_file = taken.found.versions or {}
    kept = {name.removeprefix(fit.prefix.rstrip(".")).lstrip("."): version for name, version in of_file.items()}
    return Weights(
        {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()},
        next((tensors[name].shape[axes[-1]] for name in tensors if (axes := network.grows(name))), None),
        kept,
        tuple(_notes(taken, others, network)),
    )


def _notes(taken: Option, others: Sequence[str], network: Network) -> list[str]:
    fit, said = taken.fit, []
    if others:
        said.append(
            f"took {taken.key or 'those without a prefix'}; the file also has {listed(others)}"
            f" (WEIGHTS_KEY={others[0]} takes that)"
        )
    if off := [*([fit.prefix] if fit.prefix else []), *(f"{name}." for name in fit.inner)]:
        said.append(f"taken off the names: {', '.join(off)}")
    if fit.head:
        own = next(name for name, given in fit.names.items() if given.startswith(f"{fit.head}."))
        said.append(f"the file's {fit.head} was taken for the network's {own.rpartition('.')[0]}")
    if aside := [*fit.aside, *taken.found.beside]:
        said.append(f"left aside: {listed(aside)}")
    return [f"weights: {'; '.join(said)}"] if said else []


def _refusal(options: Sequence[Option], network: Network, file: Path, architecture: str) -> KitError:
    """About the option that fits best: the fewest of the network's names missing, then the fewest left over."""
    best = min(options, key=lambda option: (len(option.fit.missing), len(option.fit.unknown)))
    shapes, fit = best.found.shapes, best.fit
    given = {name: shapes[of_file] for name, of_file in fit.names.items()}
    left = {name: shapes[name] for name in fit.unknown}
    wanted = {
        name: given[name] if name in given and network.takes(name, given[name]) else shape
        for name, shape in network.few.items()
    }
    body = [name for name in fit.missing if not network.grows(name)]
    hint = OTHER_ARCH
    if fit.missing and not body and fit.unknown:
        hint = "the head differs: ARCH=<file.py>:<function> that builds the network with the head it was trained with"
    elif crop := other_crop(given | left, wanted, network.crop):
        hint = f"these weights are for pictures of {crop} pixels: PREPROCESSING=<file> with that crop"
    where = f" ({best.key})" if len(options) > 1 and best.key else ""
    return KitError(f"{file.name}{where} does not fit {architecture}: {misfit(given | left, wanted)}", hint)


def _keys(options: Sequence[Option]) -> str:
    return listed([f"WEIGHTS_KEY={option.key}" for option in options if option.key]) or "one set of weights, and no key"
