"""One request as TorchServe hands it over → the picture's bytes and the wanted number of classes.

What the front end passes on (0.12.0, seen by running it):

    raw body                 {"body": bytes}, text/* as str, application/json parsed, or bytes where that failed
    multipart, a file        {<field>: bytes}, its Content-Type in the headers under the field's name
    multipart, a text field  {<field>: bytes}, an empty Content-Type there
    gRPC                     {<name>: bytes}, no Content-Type
    ?topk=3                  {"topk": b"3"} on /models/<model>/invoke and /invocations;
                             on /predictions/<model> the query is dropped before the worker, so the `topk`
                             header says the same there

So a parameter with a Content-Type is an upload, and one without is a picture only under a name that says so.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from input_error import InputError
from picture_formats import supported_format, unsupported_format
from serving_context import Headers, Row

TOPK = "topk"
PICTURE_NAMES = ("body", "data", "image", "b64")
FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
HOW_TO_SEND = (
    "Send the file as the body (curl -T picture.jpg), as a multipart file (curl -F image=@picture.jpg) "
    'or as JSON {"data": "<base64>"}'
)


def wanted_classes(row: Row, headers: Headers, default: int) -> int:
    """How many classes to answer with. Raises InputError (400) when topk is no whole number from 1 up."""
    value = row[TOPK] if TOPK in row else _http_header(headers, TOPK)
    if value is None and TOPK not in row:
        return default
    text = value.decode("ascii", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
    try:
        wanted = int(text) if text.isascii() and text.isdecimal() else 0
    except ValueError:  # more digits than Python converts
        wanted = 0
    if wanted < 1:
        raise InputError(400, f"topk must be a whole number from 1 up, not {text[:20]!r}; for example topk=3.")
    return wanted


def picture_bytes(row: Row, headers: Headers) -> bytes:
    """The picture's file. Raises InputError (400) when there is none, more than one, or its text is no base64."""
    uploads = [name for name in row if name != TOPK and _content_type(headers, name)]
    if len(uploads) > 1:
        raise InputError(400, f"The request holds {len(uploads)} files; send one picture a request.")
    names = uploads or [name for name in PICTURE_NAMES if name in row]
    if not names:
        hint = " (curl --data-binary sends a form unless told a Content-Type)" if _is_form(headers) else ""
        raise InputError(400, f"There is no picture in the request{hint}. {HOW_TO_SEND}.")
    value = row[names[0]]
    if not isinstance(value, (bytes, bytearray)):
        return _from_json(value)
    data = bytes(value)
    if not uploads and names[0] != "body" and _is_form(headers):
        return _from_text(data.decode("utf-8", "replace"))
    # JSON that TorchServe left unparsed, or that came without its Content-Type; no picture starts like this.
    if _content_type(headers, names[0]).startswith("application/json") or data.lstrip()[:1] == b"{":
        return _from_json(_parsed(data))
    return data


def _parsed(data: bytes) -> Any:
    if supported_format(data):
        return data  # a picture whose sender calls everything JSON
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(400, f"The request says it is JSON and is not. {HOW_TO_SEND}.") from None


def _from_json(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        value = next((value[name] for name in PICTURE_NAMES if name in value), None)
    if not isinstance(value, str):
        raise InputError(400, f"There is no picture in the JSON. {HOW_TO_SEND}.")
    return _from_text(value)


def _from_text(text: str) -> bytes:
    """The bytes behind base64 text or a `data:` URL. Line breaks, missing padding and `-_` for `+/` are fine."""
    start = text[:64].encode("utf-8", "replace").lstrip()
    if unsupported_format(start):
        return text.encode("utf-8", "replace")  # an SVG, say: the decoder names it
    if start[:5].lower() == b"data:":
        text = text.partition(",")[2]
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(400, f"The picture's text is not base64. {HOW_TO_SEND}.") from None


def _content_type(headers: Headers, name: str) -> str:
    """A parameter's own Content-Type in lower case; "" when it has none or an HTTP header of its name hides it."""
    own = headers.get(name)
    return str(own.get("content-type", "")).lower() if isinstance(own, dict) else ""


def _http_header(headers: Headers, name: str) -> str | None:
    return next((v for key, v in headers.items() if key.lower() == name and isinstance(v, str)), None)


def _is_form(headers: Headers) -> bool:
    return (_http_header(headers, "content-type") or "").lower().startswith(FORM_TYPES)
