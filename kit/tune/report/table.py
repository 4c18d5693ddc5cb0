"""The table of what was measured, in words: the same rows on the terminal and in the report."""

from __future__ import annotations

from kit.tune.report.conclusion import Conclusion
from kit.tune.search.candidate import Result

COLUMNS = ("", "precision", "w × t", "batch", "images/s", "p50 ms", "p99 ms", "MB", "runs", "limits")
FIGURES = COLUMNS[4:9]
LEGEND = "w × t: workers × threads of each; MB: memory of all processes (PSS); runs: how often it was measured"


def cells(conclusion: Conclusion, result: Result) -> list[str]:
    row = conclusion.row(result)
    figures = [
        "–" if row[name] is None else f"{row[name]:.{digits}f}"
        for name, digits in (("throughput", 1), ("p50", 0), ("p99", 0), ("memory_mb", 0))
    ]
    missed = conclusion.goal.misses(result) if not result.failure else {}
    return [
        row["is"],
        row["precision"],
        f"{row['workers']} × {row['threads']}",
        f"{row['batch']} in {row['delay']} ms" if row["batch"] > 1 else "1",
        *figures,
        str(row["measured"]),
        result.failure or ", ".join(f"{name} +{share:.0%}" for name, share in missed.items()) or "kept",
    ]
