"""What a client is told when its request is wrong.

Every function that looks at a client's bytes raises InputError and nothing else; the entry point turns it into
that item's own status and body, so that the rest of the batch is answered.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

# TorchServe's own name where it has one for the status, one in its style where it has none.
TYPES = {
    400: "BadRequestException",
    413: "PayloadTooLargeException",
    415: "UnsupportedMediaTypeException",
    422: "UnprocessablePictureException",
    500: "InternalServerException",
}


# Why, for whoever counts them: the status's own, unless an error says it closer.
OF_CODE = {400: "no_picture", 413: "too_large", 415: "not_served", 422: "damaged", 500: "model_fault"}
EMPTY, SEVERAL, TOPK, NOT_BASE64, NOT_JSON = "empty", "several_pictures", "topk", "not_base64", "not_json"
REASONS = (*OF_CODE.values(), EMPTY, SEVERAL, TOPK, NOT_BASE64, NOT_JSON)


class InputError(Exception):
    """What stands in place of an answer: `code` is one of TYPES, `message` says what is wrong and what to do, `reason`
    is one of REASONS. All but 500 are the client's mistakes."""

    def __init__(self, code: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or OF_CODE[code]

    @property
    def phrase(self) -> str:
        """The status line's text. ASCII: TorchServe's protocol announces its length in characters, not bytes."""
        return HTTPStatus(self.code).phrase

    @property
    def body(self) -> dict[str, Any]:
        """The answer, in the shape of TorchServe's own errors."""
        return {"code": self.code, "type": TYPES[self.code], "message": self.message}
