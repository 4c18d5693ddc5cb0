"""/etc/vision-serve/box.json: what the operator chose for this box.

A copy lies with the box's state. A power cut may leave the file empty, and a box that then answered on loopback only
would be as lost to its shop as one that does not answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from box.state.paths import Paths
from common import durable
from common.errors import KitError, UsageError
from common.gateway import address as gateway
from common.gateway.address import WILDCARDS


class Damaged(KitError):
    """A file of settings that nobody wrote so."""


@dataclass(frozen=True)
class BoxSettings:
    # Loopback unless the operator asks for more: TorchServe's HTTP layer gets no security patches.
    inference_address: str = "http://127.0.0.1:8080"
    keep: int = 3
    # Where the gateway faces the network; "": nowhere.
    gateway_address: str = ""

    @property
    def asking_address(self) -> str:
        """Where this box itself asks for a prediction."""
        parts = urlsplit(self.inference_address)
        host = WILDCARDS.get(str(parts.hostname), str(parts.hostname))
        return f"http://[{host}]:{parts.port}" if ":" in host else f"http://{host}:{parts.port}"


def read(path: Path) -> BoxSettings:
    """Raises UsageError for an unknown key or a value that cannot be, Damaged for what is not a JSON object at all."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is not JSON: {error}") from None
    known = BoxSettings.__dataclass_fields__
    if not isinstance(content, dict):
        raise Damaged(f"{path} must hold a JSON object")
    if unknown := sorted(set(content) - set(known)):
        raise UsageError(f"{path} does not know {', '.join(unknown)}; it knows {', '.join(known)}")
    settings = BoxSettings(**content)
    check_address(settings.inference_address)
    check_gateway(settings)
    if not isinstance(settings.keep, int) or isinstance(settings.keep, bool) or settings.keep < 2:
        raise UsageError(
            f"{path}: keep must be a whole number of at least 2, not {settings.keep!r}",
            "the release before the present one is what a rollback goes to",
        )
    return settings


def load(paths: Paths) -> BoxSettings:
    """The settings, or while those are damaged or wrong the last that were right, or else the defaults."""
    for path in (paths.settings, paths.settings_copy):
        try:
            return read(path)
        except KitError:
            continue
    return BoxSettings()


def problem(paths: Paths) -> str:
    """What is wrong with box.json, "" when nothing is. A box that was never provisioned has none, and needs none."""
    try:
        read(paths.settings)
    except KitError as error:
        return error.message if paths.settings.exists() or paths.settings_copy.exists() else ""
    return ""


def copy_problem(paths: Paths) -> str:
    """What is wrong with the copy that stands in for a damaged box.json, "" when nothing is, or there is none yet."""
    try:
        read(paths.settings_copy)
    except KitError as error:
        return error.message if paths.settings_copy.exists() else ""
    return ""


def save(paths: Paths, settings: BoxSettings) -> bool:
    """The file and its copy. True when the file was not so before."""
    durable.write_changed(paths.settings_copy, text(settings))
    return durable.write_changed(paths.settings, text(settings))


def keep_copy(paths: Paths) -> None:
    """Of settings that somebody edited by hand."""
    try:
        edited = read(paths.settings)
    except KitError:
        return
    durable.write_changed(paths.settings_copy, text(edited))


def check_address(address: object) -> None:
    try:
        parts = urlsplit(str(address))
        good = isinstance(address, str) and parts.scheme == "http" and parts.hostname and parts.port
        good = good and parts.path in ("", "/")
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"{address!r} is not an address to serve on",
            "write http://0.0.0.0:8080, or one address of this box in place of 0.0.0.0",
        )


def check_gateway(settings: BoxSettings) -> None:
    """Raises UsageError for no address, and for a TorchServe that would stand beside its own gateway."""
    if not gateway.parse(str(settings.gateway_address)):
        return
    if not gateway.is_local(str(urlsplit(settings.inference_address).hostname)):
        raise UsageError(
            f"with a gateway, TorchServe may be reached from this box alone, and not at {settings.inference_address}",
            "inference_address: http://127.0.0.1:8080",
        )


def put_back_address(paths: Paths) -> None:
    """Undo a change of address whose trial failed or was cut off."""
    try:
        address = paths.address_before.read_text(encoding="utf-8").strip()
        check_address(address)
    except FileNotFoundError:
        return
    except (OSError, ValueError, UsageError):  # what a power cut left of it says nothing
        address = ""
    if address:
        save(paths, replace(load(paths), inference_address=address))
    paths.address_before.unlink()


def text(settings: BoxSettings) -> bytes:
    return (json.dumps(settings.__dict__, indent=1) + "\n").encode()
