"""What the handler uses of TorchServe's Context, as types.

A Protocol rather than an import of `ts`: the handler then needs nothing of TorchServe to be read, typed or
tested. It lives in a file of its own because TorchServe takes the one class defined in the entry-point file as
the handler and refuses a file with two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]
"""One request's parameters by name: bytearray, str (text/*) or parsed JSON (application/json)."""

Headers = Mapping[str, Any]
"""One request's HTTP headers (str), and for each parameter `{"content-type": …}` under the parameter's name.

Both share one mapping and the HTTP headers win, so a value under a parameter's name may be a plain str.
"""


class Record(Protocol):
    """Where what is measured of a request goes: worker/metrics.py's Row."""

    def observe(self, key: str, value: float) -> None: ...

    def count(self, key: str, place: int) -> None: ...


class ServingContext(Protocol):
    """Of the kit's own worker also `record`: None for a request of a watcher. TorchServe's has nothing of the kind."""

    manifest: dict[str, Any]
    model_yaml_config: Any

    @property
    def system_properties(self) -> Mapping[str, Any]: ...

    def get_all_request_header(self, idx: int) -> Headers: ...

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None: ...

    def set_response_content_type(self, idx: int, value: str) -> None: ...

    def set_response_header(self, idx: int, key: str, value: str) -> None: ...

    def record(self, idx: int) -> Record | None: ...
