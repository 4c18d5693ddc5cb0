"""Nothing but what is listed in config/nginx/locations.conf can be reached, whatever the trick: each is a request."""

from __future__ import annotations

import socket
from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import pytest

from tests.gateway.conftest import PREDICT, Front

MANAGEMENT = [
    "/models",
    "/models/fruit",
    "/models?url=http://evil/x.mar",
    "/token?type=inference",
    "/api-description",
    "/workflows",
    "/explanations/fruit",
    "/invocations",
    "/describe/fruit",
    "/wfpredict/fruit",
    "/v3/models",
]
TRICKS = [
    "//models",
    "/./models",
    "/predictions/../models",
    "/predictions/fruit/../../models",
    "/predictions/..%2fmodels",
    "/predictions/%2e%2e/models",
    "/predictions/%2e%2e%2fmodels",
    "/predictions/fruit/%2e%2e/%2e%2e/models",
    "/predictions/..;/models",
    "/predictions/fruit%2f..%2f..%2fmodels",
    "/predictions/fruit/2.0/../../../models",
    "/predictions/%5c..%5cmodels",
    "/predictions/fruit%00/models",
    "/predictions/fruit%0d%0aHost:%20x",
    "/predictions/fruit%20HTTP/1.1",
    "/predictions/fruit%3fx",
    "/predictions/.",
    "/predictions/..",
    "/predictions/",
    "/%6d%6f%64%65%6c%73",
    "/MODELS",
    "/v1/models/../../models",
    "/v1/models/..%2f..%2fmodels:predict",
    "/v2/models/../../models/infer",
    "/v2/models/fruit/versions/../../../models/infer",
    "/v2/models/fruit/versions/..%2f..%2f..%2fmodels/infer",
    "/-/predict/fruit",
    "/-/predict/../models",
    "/-/form",
    "/-/error",
    "/-/grpc/413",
    "/inference.GRPCInferenceService/../models",
    "/inference.GRPCInferenceService/ModelInfer/../../models",
    "/org.pytorch.serve.grpc.management.ManagementAPIsService/ListModels",
    "/nginx.conf",
    "/settings.json",
    "/../gateway/settings.json",
    "/logs/access.log",
]
METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]


def went_through(front: Front) -> list[str]:
    """The paths that TorchServe was asked for, but for those of pictures and of the gateway's own health."""
    return [one.path for one in front.behind.asked if not one.path.startswith(PREDICT) and one.path != "/models/fruit"]


def request(front: Front, method: str, target: str, headers: str = "Host: a\r\n") -> bytes:
    line = f"{method} {target} HTTP/1.1\r\n{headers}Authorization: Bearer {front.key}\r\n"
    return front.raw(f"{line}Connection: close\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.mark.parametrize("method", METHODS)
def test_management_is_not_there(front: Front, method: str) -> None:
    statuses = {path: request(front, method, path).split(b" ")[1] for path in MANAGEMENT}
    assert set(statuses.values()) <= {b"404", b"405"}, statuses
    assert went_through(front) == []


@pytest.mark.parametrize("target", TRICKS)
def test_no_path_leads_there(front: Front, target: str) -> None:
    for method in ("GET", "POST"):
        answer = request(front, method, target)
        # `/predictions/..` is `/`, and there is the page.
        page = method == "GET" and b"<title>vision-serve</title>" in answer
        assert page or answer.split(b" ")[1] in (b"400", b"403", b"404", b"405"), answer
    assert went_through(front) == []
    assert not any(one.path.startswith("/models") and one.method != "GET" for one in front.behind.asked)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("http://127.0.0.1:8081/models", "Host: a\r\n"),
        ("http://evil/models", "Host: a\r\n"),
        ("http://a/predictions/../models", "Host: a\r\n"),
        ("/models", "Host: 127.0.0.1:8081\r\n"),
        ("/models", "Host: a\r\nX-Forwarded-Host: 127.0.0.1:8081\r\n"),
        ("/models", "Host: a\r\nX-Original-URL: /predictions/fruit\r\n"),
        ("/models", "Host: a\r\nX-Rewrite-URL: /predictions/fruit\r\n"),
        ("/models", "Host: a\r\nX-HTTP-Method-Override: GET\r\n"),
        ("/models", "Host: /predictions/fruit\r\n"),
        ("/models", "Host: a\r\nHost: b\r\n"),
        ("/models", ""),
        ("*", "Host: a\r\n"),
        ("127.0.0.1:8081", "Host: a\r\n"),
    ],
)
def test_no_address_and_no_host_leads_there(front: Front, target: str, headers: str) -> None:
    for method in ("GET", "OPTIONS", "CONNECT"):
        assert request(front, method, target, headers).split(b" ")[1] in (b"400", b"404", b"405")
    assert went_through(front) == []


@pytest.mark.parametrize(
    "message",
    [
        # A second request inside the first, by lengths that disagree.
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /models HTTP/1.1\r\nHost: a\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 40\r\n\r\nGET /models HTTP/1.1\r\nHost: a\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /models HTTP/1.1\r\n\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /models HTTP/1.1\r\nHost: a\r\n\r\n",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\nGET /models HTTP/1.1\r\nHost: a\r\n\r\n",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: 5 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5;\nx\r\nhello\r\n0\r\n\r\nGET /models HTTP/1.1\r\nHost: a\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "Connection: Authorization, Transfer-Encoding\r\nContent-Length: 7\r\n\r\npicture",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
    ],
)
def test_nothing_is_smuggled_behind_a_request(front: Front, message: str) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {front.key}\r\n"
    front.raw((head + message).encode("latin-1"))
    assert went_through(front) == []
    assert all(one.method != "GET" or one.path == "/models/fruit" for one in front.behind.asked)


@pytest.mark.parametrize(
    "headers",
    [
        [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/models")],
        [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/predictions/../models")],
        [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "http://a/models")],
        [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "//models")],
        [(":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1:8081"), (":path", "/models")],
        [(":method", "GET"), (":scheme", "http://a/models?"), (":authority", "a"), (":path", "/health")],
        [(":method", "GET /models HTTP/1.1\r\n"), (":scheme", "http"), (":authority", "a"), (":path", PREDICT)],
        [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", f"{PREDICT}\r\nGET /models")],
        [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", PREDICT), ("x", "a\r\nb: c")],
        [(":method", "POST"), (":scheme", "http"), (":path", PREDICT), (":path", "/models"), (":authority", "a")],
        [(":method", "POST"), (":scheme", "http"), (":path", "models"), (":authority", "a")],
        [(":method", "POST"), (":scheme", "http"), (":path", ""), (":authority", "a")],
        [(":method", "POST"), (":scheme", "http"), (":path", PREDICT), ("transfer-encoding", "chunked")],
        [(":method", "CONNECT"), (":authority", "127.0.0.1:8081")],
    ],
)
def test_no_pseudo_header_of_http2_leads_there(front: Front, headers: list[tuple[str, str]]) -> None:
    config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    connection = h2.connection.H2Connection(config=config)
    connection.initiate_connection()
    connection.send_headers(1, [*headers, ("authorization", f"Bearer {front.key}")], end_stream=True)
    status = ""
    with socket.create_connection(("127.0.0.1", front.port), timeout=2) as raw, suppress(TimeoutError, OSError):
        raw.sendall(connection.data_to_send())
        while received := raw.recv(65536):
            for event in connection.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers or [])[b":status"].decode()
                if isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                    raw.shutdown(socket.SHUT_WR)
            raw.sendall(connection.data_to_send())
    assert status in ("", "400", "404", "405", "200")
    assert status != "200" or dict(headers)[":path"] == "/health"
    assert went_through(front) == []
