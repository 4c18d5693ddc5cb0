"""WEIGHTS=imagenet: torchvision's own pretrained weights, from torch's cache or downloaded into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
import torch
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from torch import nn
from torchvision import models

from common.durable import sha256
from common.errors import KitError
from kit.console import err
from kit.files import replacing

TRIES = 2
CONNECT_SECONDS, READ_SECONDS = 5, 15


def weights_of(name: str) -> Any:
    """torchvision's DEFAULT weights of one of its networks."""
    return models.get_model_weights(name).DEFAULT


def network(name: str, weights: Any) -> nn.Module:
    """torchvision's pretrained network; its file has to be in the cache already (see `cached`)."""
    made: nn.Module = models.get_model(name, weights=weights, progress=False)
    return made.eval()


def cached(weights: Any) -> Path:
    """The weights' file, downloaded if it is not in torch's cache, with the sum in its name checked.

    Raises KitError, saying which file to put where, when it cannot be had.
    """
    url: str = weights.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    by_hand = f"download {url} on a machine that can, and put it at {path}"
    if not path.is_file():
        _download(url, path, by_hand)
    if not sha256(path).startswith(wanted := path.stem.rpartition("-")[2]):
        raise KitError(f"{path} is damaged: its sha256 does not start with {wanted}", f"delete it, or {by_hand}")
    return path


def _download(url: str, path: Path, by_hand: str) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            with replacing(path) as temporary:
                _fetch(url, temporary)
                return
        except (requests.RequestException, OSError) as error:
            if attempt == TRIES:
                reason = f"{type(error).__name__}: {error}"[:200]
                raise KitError(
                    f"{path.name} is not in the cache and cannot be downloaded ({reason})", by_hand
                ) from None


def _fetch(url: str, into: Path) -> None:
    columns = (TextColumn("downloading {task.description}"), BarColumn(), DownloadColumn())
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        answer.raise_for_status()
        size = int(answer.headers.get("Content-Length", 0)) or None
        with Progress(*columns, console=err, transient=True) as progress, into.open("wb") as file:
            task = progress.add_task(url.rpartition("/")[2], total=size)
            for chunk in answer.iter_content(1 << 20):
                file.write(chunk)
                progress.advance(task, len(chunk))
    if size and into.stat().st_size != size:
        raise requests.ConnectionError(f"the link broke after {into.stat().st_size} of {size} bytes")
