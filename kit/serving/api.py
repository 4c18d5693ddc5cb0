"""TorchServe's REST API, as this kit asks it. Speaks to `http://…` and to `unix:/path` addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import Self

from kit.errors import KitError

PREDICT_TIMEOUT = 60.0


class ApiError(KitError):
    """TorchServe answered with an error. `status` is its HTTP status."""

    def __init__(self, what: str, response: httpx.Response) -> None:
        self.status = response.status_code
        super().__init__(f"{what}: HTTP {self.status}, {error_text(response)}")


def error_text(response: httpx.Response) -> str:
    """The sentence in a TorchServe error document, or the body as it is."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip()[:300] or "(no text)"


def read_header(path: Path) -> dict[str, str]:
    """The header in a file made for `curl -H @file`. An absent file is no header: tokens are off."""
    if not path.exists():
        return {}
    name, _, value = path.read_text(encoding="utf-8").strip().partition(":")
    return {name: value.strip()}


def client(address: str, headers: dict[str, str], timeout: float = 10.0) -> httpx.Client:
    """An HTTP client of one address; proxies and the user's .netrc stay out of it."""
    if address.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
        return httpx.Client(
            transport=transport,
            base_url="http://localhost",
            headers=headers,
            timeout=timeout,
            trust_env=False,
        )
    return httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False)


@dataclass(frozen=True)
class Api:
    """One of the server's addresses, asked through `http`; a `with` block closes it."""

    http: httpx.Client

    @classmethod
    def at(cls, address: str, header_file: Path) -> Self:
        return cls(client(address, read_header(header_file)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.http.close()


class Inference(Api):
    """The inference API."""

    def predict(self, model: str, picture: bytes) -> dict[str, float]:
        """`{label: probability}` from the best. Raises ApiError for any other answer."""
        response = self.http.put(f"/predictions/{model}", content=picture, timeout=PREDICT_TIMEOUT)
        if response.status_code != 200:
            raise ApiError("the prediction", response)
        answer: dict[str, float] = response.json()
        return answer


class Management(Api):
    """The management API. Every call raises ApiError when TorchServe refuses it."""

    def _ask(self, what: str, method: str, path: str, **arguments: Any) -> Any:
        response = self.http.request(method, path, **arguments)
        if response.status_code >= 400:
            raise ApiError(what, response)
        return response.json() if response.content.strip() else None

    def models(self) -> list[str]:
        """The registered models' names (one page holds more than any server here has)."""
        return [
            row["modelName"]
            for row in self._ask("listing the models", "GET", "/models", params={"limit": 1000})["models"]
        ]

    def describe(self, model: str, version: str = "") -> list[dict[str, Any]]:
        """The default version's description, that of `version`, or every version's with "all"."""
        path = f"/models/{model}/{version}" if version else f"/models/{model}"
        answer: list[dict[str, Any]] = self._ask(f"describing {model}", "GET", path)
        return answer

    def worker_pid(self, model: str, version: str) -> int:
        """The pid of whichever worker takes this question, in its turn after what is already queued."""
        answer = self._ask(
            f"asking {model}'s workers",
            "GET",
            f"/models/{model}/{version}",
            params={"customized": "true"},
            timeout=PREDICT_TIMEOUT,
        )
        return int(answer[0]["customizedMetadata"]["pid"])

    def renew_inference_token(self, api_token: str) -> None:
        """Make the present inference token invalid. Wants the API token, not the management one."""
        self._ask(
            "renewing the inference token",
            "GET",
            "/token",
            params={"type": "inference"},
            headers={"Authorization": f"Bearer {api_token}"},
        )
