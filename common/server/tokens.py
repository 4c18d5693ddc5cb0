"""TorchServe's tokens: from its key_file.json into files that `curl -H @file` takes, so no token is ever typed."""

from __future__ import annotations

from pathlib import Path

from common import durable

OWN = 0o600
GROUP = 0o640


def read_keys(file: Path) -> dict[str, str]:
    """`{"management": …, "inference": …, "API": …}`; empty until TorchServe has written them."""
    try:
        return {name: str(entry["key"]) for name, entry in durable.read_object(file).items()}
    except (KeyError, TypeError):
        return {}


def write_headers(keys_file: Path, inference: Path, management: Path, inference_mode: int = OWN) -> bool:
    """Write the header files; management's is for this user only. False while TorchServe has not written its keys."""
    keys = read_keys(keys_file)
    if not {"inference", "management"} <= keys.keys():
        return False
    for path, name, mode in ((inference, "inference", inference_mode), (management, "management", OWN)):
        durable.write(path, f"Authorization: Bearer {keys[name]}\n".encode(), mode)
    return True


def read_header(file: Path) -> dict[str, str]:
    """The header in a file made for `curl -H @file`. An absent file is no header: tokens are off."""
    try:
        name, _, value = file.read_text(encoding="utf-8").strip().partition(":")
    except OSError:
        return {}
    return {name: value.strip()} if name else {}
