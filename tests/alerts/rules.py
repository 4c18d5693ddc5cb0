"""config/monitoring with every duration divided, so that a drill need not take a day. Expressions and limits stay."""

from __future__ import annotations

import re
from pathlib import Path

UNITS = {"s": 1, "m": 60, "h": 3600}
DURATION = re.compile(r"(?<=\[)(\d+)([smh])(?=\])|(?<=for: )(\d+)([smh])\b")
SCRAPE = re.compile(r"((?:scrape|evaluation)_interval): 15s")


def faster(folder: Path, speed: int) -> None:
    """Rewrite the rules in `folder`, and have it scraped every 5 seconds: a window of 30 needs more than two."""

    def divided(match: re.Match[str]) -> str:
        number, unit = match[1] or match[3], match[2] or match[4]
        return f"{max(1, int(number) * UNITS[unit] // speed)}s"

    for file in (folder / "rules").glob("*.yml"):
        file.write_text(DURATION.sub(divided, file.read_text("utf-8")), "utf-8")
    main = folder / "prometheus.yml"
    main.write_text(SCRAPE.sub(r"\1: 5s", main.read_text("utf-8")), "utf-8")
