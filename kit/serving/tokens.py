"""TorchServe's tokens: from its key_file.json into files that `curl -H @file` takes, so no token is ever typed."""

from __future__ import annotations

import json

from kit.files import write_text
from kit.serving.launch import RunFolder


def read_keys(run: RunFolder) -> dict[str, str]:
    """`{"management": …, "inference": …, "API": …}`; empty until TorchServe has written them."""
    try:
        content = json.loads(run.keys.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: entry["key"] for name, entry in content.items()}


def write_headers(run: RunFolder) -> bool:
    """Write the header files. False while TorchServe has not written its keys yet."""
    keys = read_keys(run)
    if not keys:
        return False
    write_text(run.inference_header, f"Authorization: Bearer {keys['inference']}\n", mode=0o600)
    write_text(run.management_header, f"Authorization: Bearer {keys['management']}\n", mode=0o600)
    return True
