"""What of a checkpoint does not fit a network, in a sentence."""

from __future__ import annotations

import math

from common.words import count
from kit.checkpoint.names import COUNTER, Shapes

SHOWN = 3
POSITIONS = "encoder.pos_embedding"  # a vision transformer's, [1, patches + 1, width]


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
            f" ({count(len(other), 'weight')} of another shape)"
        )
    if missing:
        said.append(f"{count(len(missing), 'weight')} not in the file: {_first(missing, network)}")
    if unknown:
        said.append(f"{count(len(unknown), 'weight')} the network does not have: {_first(unknown, state)}")
    return "; ".join(said)


def other_crop(state: Shapes, network: Shapes, crop: int) -> int:
    """The size of picture, in pixels, that weights are for which fit but for a vision transformer's positions, where
    the network is built for `crop`; 0 when that is not what is wrong."""
    other = [name for name, shape in network.items() if state.get(name) != shape and not name.endswith(COUNTER)]
    if not crop or other != [POSITIONS] or POSITIONS not in state or state[POSITIONS][-1] != network[POSITIONS][-1]:
        return 0
    of_file, of_network = (shapes[POSITIONS][1] - 1 for shapes in (state, network))
    return round(crop * math.sqrt(of_file / of_network))


def _first(names: list[str], shapes: Shapes) -> str:
    shown = [f"{name} {list(shapes[name])}" for name in names[:SHOWN]]
    return ", ".join(shown) + (", …" if len(names) > SHOWN else "")
