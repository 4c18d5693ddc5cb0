"""The gate: how near the original an exported model has to be before it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.errors import KitError
from kit.model.checks.comparison import Comparison
from kit.model.source.request import Request

SHOWN = 5
ROUNDING = 1e-6  # points and per cent are sums of fractions


@dataclass(frozen=True)
class Gate:
    """For the precision `name`: the least `agreement` in per cent, the most `accuracy_drop` in points, the most
    `difference` of any probability; None where rounding forbids such a promise, or another figure implies it."""

    name: str
    agreement: float
    accuracy_drop: float | None
    difference: float | None

    def passes(self, measured: Comparison) -> bool:
        drop = measured.accuracy_drop
        return (
            measured.finite
            and 100 * measured.agreement >= self.agreement - ROUNDING
            and (self.accuracy_drop is None or drop is None or drop <= self.accuracy_drop + ROUNDING)
            and (self.difference is None or measured.largest_difference < self.difference)
        )

    def verify(self, measured: Comparison) -> None:
        """Raises KitError when the models are not as near as the precision promises."""
        if not self.passes(measured):
            raise self.refusal(measured)

    def refusal(self, measured: Comparison, tried: str = "") -> KitError:
        """What was measured, the pictures that differ, and `tried`, a line about how the model was made."""
        lines = ["the exported model does not answer like the original, so nothing was written", *self.table(measured)]
        lines += [f"  {tried}"] if tried else []
        hint = "make the network free of branches and of sizes that depend on the picture"
        if self.name != "fp32":
            hint = "PRECISION=fp32; or if that much is no harm: MAX_ACCURACY_DROP=<points> MIN_AGREEMENT=<percent>"
        return KitError("\n".join([*lines, *_differing(measured)]), hint)

    def table(self, measured: Comparison) -> Iterator[str]:
        yield f"  pictures compared     {len(measured.pictures)}"
        yield f"  same first answer     {measured.agreement:.1%} (wanted: {self.agreement:g}% in {self.name})"
        if (drop := measured.accuracy_drop) is not None:
            allowed = "" if self.accuracy_drop is None else f" (allowed: {self.accuracy_drop:g} in {self.name})"
            yield f"  top-1 accuracy        {measured.accuracy(1):.1%}, {drop:.1f} points below the original{allowed}"
        wanted = "" if self.difference is None else f" (wanted: below {self.difference:g})"
        yield f"  largest difference    {measured.largest_difference:.3g}{wanted}"
        if not measured.finite:
            yield "  some probabilities are not numbers (NaN or infinite)"


def of(precision: str, request: Request) -> Gate:
    """fp32 is only traced, so its answers are the original's whatever the request allows other precisions."""
    if precision == "fp32":
        return Gate(precision, agreement=100, accuracy_drop=None, difference=1e-3)
    drop, agreement = request.limits()
    return Gate(precision, agreement, drop, difference=None)


def _differing(measured: Comparison) -> Iterator[str]:
    for index in (~measured.agrees).nonzero().flatten().tolist()[:SHOWN]:
        original, exported = (int(side[index].argmax()) for side in (measured.eager, measured.exported))
        yield (
            f"  {measured.pictures[index].file.name}: {measured.labels[original]}"
            f" by the original, {measured.labels[exported]} by the exported model"
        )
