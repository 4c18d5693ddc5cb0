"""What a handler sees of its model and of a batch, and what it says of its answers: TorchServe's Context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from worker.metrics import Row
from worker.protocol import Answer, LoadRequest, Request

SERVER = "0.12.0"


class Context:
    """`manifest` is the archive's, `model_yaml_config` its model-config.yaml."""

    def __init__(self, request: LoadRequest, manifest: dict[str, Any], config: dict[str, Any], row: Row | None) -> None:
        self._row = row
        self.model_name, self.manifest, self.model_yaml_config = request.model, manifest, config
        self.system_properties = {
            "model_dir": request.folder,
            "gpu_id": request.gpu,
            "batch_size": request.batch_size,
            "server_name": "MMS",
            "server_version": SERVER,
            "limit_max_image_pixels": request.limit_pixels,
        }
        self.begin(())

    def begin(self, batch: Sequence[Request]) -> None:
        """A new batch; `answers` are filled in as the handler speaks of them."""
        self._batch = batch
        self.answers = [Answer(None) for _ in batch]

    def get_request_id(self, idx: int = 0) -> str:
        return self._batch[idx].id.decode()

    def get_all_request_header(self, idx: int) -> Mapping[str, Any]:
        return self._batch[idx].headers

    def get_request_header(self, idx: int, key: str) -> Any:
        return self._batch[idx].headers.get(key)

    def record(self, idx: int) -> Row | None:
        """Where what is measured of a request goes; None for one of a watcher, which is no traffic."""
        return None if self._batch[idx].is_probe else self._row

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.answers[idx].code, self.answers[idx].phrase = code, phrase

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.answers[idx].headers[key] = value

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)
