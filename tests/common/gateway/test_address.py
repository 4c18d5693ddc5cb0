from __future__ import annotations

import pytest

from common.errors import UsageError
from common.gateway.address import Address, parse


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("1", Address("127.0.0.1", 8000, False), "http://127.0.0.1:8000"),
        ("127.0.0.1:9000", Address("127.0.0.1", 9000, False), "http://127.0.0.1:9000"),
        ("https://127.0.0.1:9000", Address("127.0.0.1", 9000, True), "https://127.0.0.1:9000"),
        ("0.0.0.0:8443", Address("0.0.0.0", 8443, True), "https://box:8443"),
        ("http://0.0.0.0:8080", Address("0.0.0.0", 8080, False), "http://box:8080"),
        ("192.0.2.7:8443", Address("192.0.2.7", 8443, True), "https://192.0.2.7:8443"),
        ("[::]:8443", Address("::", 8443, True), "https://box:8443"),
        ("https://[2001:db8::1]:8443/", Address("2001:db8::1", 8443, True), "https://[2001:db8::1]:8443"),
        ("[::1]:8443", Address("::1", 8443, False), "http://[::1]:8443"),
    ],
)
def test_tls_is_on_beyond_this_machine_unless_http_is_written(text: str, address: Address, url: str) -> None:
    assert parse(text) == address
    assert address.url("box") == url


def test_nginx_wants_brackets_around_ipv6() -> None:
    assert Address("::", 8443, True).listen == "[::]:8443"
    assert Address("127.0.0.1", 8443, True).listen == "127.0.0.1:8443"


@pytest.mark.parametrize("text", ["", "0"])
def test_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["yes", "8443", ":8443", "0.0.0.0", "0.0.0.0:0", "0.0.0.0:99999", "host:8443", "ftp://0.0.0.0:1", "0.0.0.0:1/x",
     "0.0.0.0:x", "[::1:8443", "http://0.0.0.0:1?x=1", "0.0.0.0:1; include /etc/passwd"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an address for a gateway to listen at"):
        parse(text)
