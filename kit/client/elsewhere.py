"""A server that is named by its address: what the user says about it, checked."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from common.errors import UsageError
from kit import golden
from kit.build import Build
from kit.files import NOT_SHOWN, read_json

HEADERS = "name a file of lines like `Authorization: Bearer …`, as build/<profile>/run/inference.header"


def address(name: str, given: str) -> str:
    """The address that the variable `name` holds. Raises UsageError for what is none."""
    if given and not _is_address(given):
        raise UsageError(
            f"{name}={given} is not an address",
            f"write {name}=http://host:port, https://host:port or unix:/path/to/socket",
        )
    return given


def _is_address(given: str) -> bool:
    if given.startswith("unix:"):
        return True
    try:
        parts = urlsplit(given)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def model_name(given: str, build: Build, command: str) -> str:
    """The one `given`, or that of the golden pictures. Raises UsageError, with how to name it to `command`."""
    if not given and (build.golden / golden.INDEX).is_file():
        given = str(read_json(build.golden / golden.INDEX).get("model", ""))
    if not given:
        raise UsageError("which model is to be asked is not known", f"name it: {command} URL=… MODEL=…")
    return given


def read_headers(name: str, file: str) -> dict[str, str]:
    """The headers in a file made for `curl -H @file`, a line each."""
    if not file:
        return {}
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"the file that {name} names cannot be read {NOT_SHOWN}: {why}", HEADERS) from None
    headers = [line.partition(":") for line in lines if line.strip()]
    if not headers or not all(colon and header.strip() for header, colon, _ in headers):
        raise UsageError(f"{name}={file} does not hold headers", HEADERS)
    return {header.strip(): value.strip() for header, _, value in headers}
