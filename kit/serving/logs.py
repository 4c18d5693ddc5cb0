"""TorchServe's log files. What in them says why something failed is found by common.server.server_log, on boxes as
here."""

from __future__ import annotations

from pathlib import Path


def read_lines(*files: Path) -> list[str]:
    """The lines of all files that are there."""
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists())
    return [line for text in texts for line in text.splitlines()]
