"""`make builders`: every classification network of torchvision, in fp32 and int8, and the table of what came of it.

With names as arguments only those are tried. What was tried is kept in build/, so that a run that was ended goes on
where it was, and the table holds all of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from kit.build import PROJECT
from kit.console import err, progress, step
from tests.builders.trying import NO_SENTENCE, PRECISIONS, SMALLER, Outcome, builders, try_one, write_weights

TABLE = PROJECT / "docs" / "torchvision.md"
KEPT = PROJECT / "build" / "builders"
HEAD = """# torchvision's networks

`make builders` writes this table: every classification network of torchvision {version}, from a state dict, exported
in fp32 and in int8 for x86-64. Nobody can train all of them for a test, so their weights are random, with batch norms
that fit the pictures, and int8 is not held to its gate: what is tried is whether a network can be traced, quantized,
saved and loaded again, and answers for many pictures as for each. The seconds are those of the whole command on one
or two cores, with six pictures to calibrate with and to compare on. {smaller} see 224 pixels,
as with torchvision's linear SWAG weights; their default weights are for more, which takes a core an hour.

| network | layers | fp32 | int8 |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Tried:
    """`layers`: how many convolutions and linear layers the network has. `outcomes` by precision."""

    layers: int
    outcomes: dict[str, Outcome]

    def row(self, name: str) -> str:
        cells = " | ".join(self._cell(self.outcomes[precision]) for precision in PRECISIONS)
        return f"| {name} | {self.layers} | {cells} |\n"

    def _cell(self, outcome: Outcome) -> str:
        said = outcome.said.splitlines()[0] if outcome.said else "exported"
        in_float = f", {outcome.in_float} in float" if outcome.in_float else ""
        return f"{said}{in_float}, {outcome.seconds:.0f} s"


def main(names: list[str]) -> int:
    wanted = names or [name for name in builders() if _kept(name) is None]
    with progress() as bar:
        task = bar.add_task("networks", total=len(wanted))
        for name in wanted:
            _try(name)
            bar.advance(task)
    tried = {name: one for name in builders() if (one := _kept(name))}
    TABLE.write_text(_page(tried))
    step(f"written: {TABLE.relative_to(PROJECT)}")
    silent = [name for name, one in tried.items() if any(NO_SENTENCE in row.said for row in one.outcomes.values())]
    if silent:
        err.print(f"ended without a sentence: {', '.join(silent)}")
    return 1 if silent else 0


def _page(tried: Mapping[str, Tried]) -> str:
    head = HEAD.format(version=metadata.version("torchvision"), smaller=" and ".join(SMALLER))
    untried = ", ".join(name for name in builders() if name not in tried)
    tail = f"\nNot tried yet: {untried}.\n" if untried else ""
    return head + "".join(one.row(name) for name, one in tried.items()) + tail


def _try(name: str) -> None:
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, f"{name}.pt")
        layers = write_weights(name, weights)
        for precision in PRECISIONS:
            outcomes[precision] = outcome = try_one(name, weights, precision, Path(folder))
            step(f"{name} {precision}: {outcome.said or 'exported'} ({outcome.seconds:.0f} s)")
    KEPT.mkdir(parents=True, exist_ok=True)
    document = {"layers": layers, "outcomes": {kind: asdict(one) for kind, one in outcomes.items()}}
    (KEPT / f"{name}.json").write_text(json.dumps(document))


def _kept(name: str) -> Tried | None:
    file = KEPT / f"{name}.json"
    if not file.exists():
        return None
    document = json.loads(file.read_text())
    return Tried(document["layers"], {kind: Outcome(**one) for kind, one in document["outcomes"].items()})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
