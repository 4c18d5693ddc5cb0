"""A line as large as a word, for each box of a table."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 104, 30
COLOUR, MARK = "#1b6ca8", "#d1742f"


def sparkline(values: Sequence[float | None], most: float, marks: Sequence[float] = ()) -> str:
    """SVG of values from 0 to `most`, a gap for each None; `marks`: places of thin upright lines, 0 to 1."""
    pieces: list[str] = []
    points: list[tuple[float, float]] = []
    for index, value in enumerate([*values, None]):
        if value is not None:
            height = min(1.0, value / most) if most else 0.0
            points.append((WIDTH * index / max(1, len(values) - 1), HEIGHT - 2 - (HEIGHT - 4) * height))
        elif points:
            pieces.append(_piece(points))
            points = []
    upright = "".join(f"M{WIDTH * place:.1f} 0v{HEIGHT}" for place in marks)
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<path d="{upright}" stroke="{MARK}"/>'
        f'<path d="{"".join(pieces)}" fill="none" stroke="{COLOUR}" stroke-width="1.3" stroke-linejoin="round"/></svg>'
    )


def _piece(points: Sequence[tuple[float, float]]) -> str:
    """One point alone is a short stroke."""
    (x, y), *rest = points
    return f"M{x:.1f} {y:.1f}" + ("".join(f"L{x:.1f} {y:.1f}" for x, y in rest) or "h1")
