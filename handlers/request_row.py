"""One request as TorchServe hands it over → the picture's bytes and the wanted number of classes.

What the front end passes on (0.12.0, seen by running it):

    raw body                 {"body": bytes}, text/* as str, application/json parsed, or bytes where that failed
    multipart, a file        {<field>: bytes}, its Content-Type in the headers under the field's name
    multipart, a text field  {<field>: bytes}, an empty Content-Type there
    gRPC                     {<name>: bytes}, no Content-Type
    ?topk=3                  {"topk": b"3"} on /models/<model>/invoke and /invocations;
                             on /predictions/<model> the query is dropped before the worker, so the `topk`
                             header says the same there

So a parameter with a Content-Type is an upload, and one without is a picture under a name that says so, or where its
bytes do: a program may leave out the file's name. Of two parts of one name the front end passes on the last alone,
which only the length of the whole tells.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from input_error import NOT_BASE64, NOT_JSON, SEVERAL, InputError
from input_error import TOPK as WRONG_TOPK
from picture_formats import supported_format, unsupported_format
from serving_context import Headers, Row

TOPK = "topk"
PICTURE_NAMES = ("body", "data", "image", "b64", "image_data", "image_bytes")
INSTANCES = "instances"  # KServe's
MULTIPART = ("multipart/form-data",)
URL_ENCODED = ("application/x-www-form-urlencoded",)
FORM_TYPES = (*MULTIPART, *URL_ENCODED)
MOST_FRAMING = 2048  # bytes between the parts of a form
DEEPEST = 6
HOW_TO_SEND = (
    "Send the file as the body (curl -T picture.jpg), as a multipart file (curl -F image=@picture.jpg) "
    'or as JSON {"data": "<base64>"} or {"instances": [{"data": "<base64>"}]}'
)
MOST_UNPACKED = 64 * 1024 * 1024  # bytes of a body that came compressed; no picture that is served takes more
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's bits for each Content-Encoding


def wanted_classes(row: Row, headers: Headers, default: int) -> int:
    """How many classes to answer with. Raises InputError (400) when topk is not a whole number from 1 up."""
    value = row[TOPK] if TOPK in row else _http_header(headers, TOPK)
    if value is None and TOPK not in row:
        return default
    text = value.decode("ascii", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
    try:
        wanted = int(text) if text.isascii() and text.isdecimal() else 0
    except ValueError:  # more digits than Python converts
        wanted = 0
    if wanted < 1:
        raise InputError(
            400, f"topk must be a whole number from 1 up, not {text[:20]!r}; for example topk=3.", WRONG_TOPK
        )
    return wanted


def picture_bytes(row: Row, headers: Headers) -> bytes:
    """The picture's file. Raises InputError (400) when there is none, more than one, or its text is not base64; 415 for
    a Content-Encoding that is not known."""
    uploads = [name for name in row if name != TOPK and _content_type(headers, name)]
    if len(uploads) > 1:
        raise InputError(400, f"The request holds {len(uploads)} files; send one picture a request.", SEVERAL)
    if _bytes_not_passed_on(row, headers) > MOST_FRAMING:
        raise InputError(400, "The request holds several parts of one name; send one picture a request.", SEVERAL)
    names = uploads or [name for name in PICTURE_NAMES if name in row] or _with_a_picture(row)
    if not names:
        hint = " (curl --data-binary sends a form unless told a Content-Type)" if _is_form(headers) else ""
        raise InputError(400, f"There is no picture in the request{hint}. {HOW_TO_SEND}.")
    value = row[names[0]]
    if not isinstance(value, (bytes, bytearray)):
        return _from_json(value)
    data = _unpacked(bytes(value), headers) if names[0] == "body" else bytes(value)
    if supported_format(data):
        return data
    if not uploads and names[0] != "body" and _is_form(headers):
        text = data.decode("utf-8", "replace")
        # In a URL-encoded form a plus sign stands for a space, and base64 that was not escaped has lost its own.
        return _from_text(text.replace(" ", "+") if _is_form(headers, URL_ENCODED) else text)
    # JSON that TorchServe left unparsed, or that came without its Content-Type; no picture starts like this.
    if _content_type(headers, names[0]).startswith("application/json") or data.lstrip()[:1] == b"{":
        return _from_json(_parsed(data))
    return _from_bare_text(data) or data


def _bytes_not_passed_on(row: Row, headers: Headers) -> int:
    """Of a multipart body: what is not in its parameters. Boundaries and the parts' own headers are some 200 bytes a
    part; a second part under a name that was there already is all of a picture."""
    length = _http_header(headers, "content-length") or ""
    if not _is_form(headers, MULTIPART) or not length.isdecimal():
        return 0
    return int(length) - sum(len(value) for value in row.values() if isinstance(value, (bytes, bytearray)))


def _with_a_picture(row: Row) -> list[str]:
    """The parameters whose bytes are a picture whatever their name."""
    return [
        name for name, value in row.items() if isinstance(value, (bytes, bytearray)) and supported_format(bytes(value))
    ]


def _unpacked(data: bytes, headers: Headers) -> bytes:
    """A body without its Content-Encoding, which the front end leaves on it."""
    encoding = (_http_header(headers, "content-encoding") or "identity").strip().lower()
    if encoding == "identity" or supported_format(data):
        return data
    if encoding not in WINDOWS:
        raise InputError(415, f"Content-Encoding {encoding[:20]!r} is not known; send the file as it is, or in gzip.")
    try:
        unpacker = zlib.decompressobj(WINDOWS[encoding])
        unpacked = unpacker.decompress(data, MOST_UNPACKED)
    except zlib.error:
        raise InputError(400, f"The body says it is {encoding} and is not. {HOW_TO_SEND}.") from None
    if unpacker.unconsumed_tail:
        raise InputError(413, f"The body holds more than {MOST_UNPACKED} bytes unpacked; send a smaller picture.")
    return unpacked


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(400, f"The request says it is JSON and is not. {HOW_TO_SEND}.", NOT_JSON) from None


def _from_json(value: Any) -> bytes:
    """Of `"<base64>"`, {"data": …} and its like, [one of these] or {"instances": [one of these]}, nested as in KServe's
    {"instances": [{"image_bytes": {"b64": …}}]}."""
    for _ in range(DEEPEST):
        if isinstance(value, list):
            if len(value) > 1 and not isinstance(value[0], (int, float, list)):
                raise InputError(400, f"The JSON holds {len(value)} pictures; send one picture a request.", SEVERAL)
            value = value[0] if len(value) == 1 else None
        elif isinstance(value, dict):
            value = next((value[name] for name in (INSTANCES, *PICTURE_NAMES) if name in value), None)
        else:
            break
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
    try:
        return _from_base64(text)
    except (binascii.Error, ValueError):
        raise InputError(400, f"The picture's text is not base64. {HOW_TO_SEND}.", NOT_BASE64) from None


def _from_bare_text(data: bytes) -> bytes:
    """The picture in a body that is base64 and does not say so; b"" where it is none."""
    try:
        decoded = _from_base64(data.decode("ascii"))
    except (binascii.Error, ValueError):
        return b""
    return decoded if supported_format(decoded) or unsupported_format(decoded) else b""


def _from_base64(text: str) -> bytes:
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _content_type(headers: Headers, name: str) -> str:
    """A parameter's own Content-Type in lower case; "" when it has none or an HTTP header of its name hides it."""
    own = headers.get(name)
    return str(own.get("content-type", "")).lower() if isinstance(own, dict) else ""


def _http_header(headers: Headers, name: str) -> str | None:
    return next((v for key, v in headers.items() if key.lower() == name and isinstance(v, str)), None)


def _is_form(headers: Headers, types: tuple[str, ...] = FORM_TYPES) -> bool:
    return (_http_header(headers, "content-type") or "").lower().startswith(types)
