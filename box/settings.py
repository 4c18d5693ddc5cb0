"""/etc/vision-serve/box.json: what the operator chose for this box."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from box import durable
from box.errors import UsageError
from box.paths import Paths

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (not bound here: where to ask instead)


@dataclass(frozen=True)
class Settings:
    # Loopback unless the operator asks for more: TorchServe's HTTP layer gets no security patches.
    inference_address: str = "http://127.0.0.1:8080"
    keep: int = 3

    @property
    def asking_address(self) -> str:
        """Where this box itself asks for a prediction."""
        parts = urlsplit(self.inference_address)
        host = WILDCARDS.get(str(parts.hostname), str(parts.hostname))
        return f"http://[{host}]:{parts.port}" if ":" in host else f"http://{host}:{parts.port}"


def load(path: Path) -> Settings:
    """Raises UsageError for an unknown key or a value that cannot be. An absent file is the defaults."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    known = Settings.__dataclass_fields__
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold a JSON object")
    if unknown := sorted(set(content) - set(known)):
        raise UsageError(f"{path} does not know {', '.join(unknown)}; it knows {', '.join(known)}")
    settings = Settings(**content)
    check_address(settings.inference_address)
    if not isinstance(settings.keep, int) or isinstance(settings.keep, bool) or settings.keep < 2:
        raise UsageError(
            f"{path}: keep must be a whole number of at least 2, not {settings.keep!r}",
            "the release before the present one is what a rollback goes to",
        )
    return settings


def check_address(address: object) -> None:
    try:
        parts = urlsplit(str(address))
        good = parts.scheme == "http" and parts.hostname and parts.port and parts.path in ("", "/")
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"{address!r} is not an address to serve on",
            "write http://0.0.0.0:8080, or one address of this box in place of 0.0.0.0",
        )


def put_back_address(paths: Paths) -> None:
    """Undo a change of address whose trial failed or was cut off."""
    try:
        address = paths.address_before.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return
    keep = load(paths.settings).keep
    durable.write(paths.settings, text(Settings(address, keep)))
    paths.address_before.unlink()


def text(settings: Settings) -> bytes:
    return (json.dumps(settings.__dict__, indent=1) + "\n").encode()
