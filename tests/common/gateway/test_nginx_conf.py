from __future__ import annotations

import pytest

from common.gateway.nginx_conf import Gateway, render

PLAIN = Gateway("127.0.0.1:8000", False, False, "127.0.0.1:8080", {"net": 16}, 1000, 30.0, 2)


def lines(gateway: Gateway) -> list[str]:
    return [line.strip() for line in render(gateway).splitlines()]


def test_loopback_needs_no_certificate() -> None:
    assert "listen 127.0.0.1:8000 backlog=1024;" in lines(PLAIN)
    assert "server 127.0.0.1:8080 max_conns=16 max_fails=0;" in lines(PLAIN)
    assert not any(line.startswith(("ssl", "user")) for line in lines(PLAIN))


@pytest.mark.parametrize("clients", [False, True])
def test_with_tls(clients: bool) -> None:
    made = lines(Gateway("[::]:8443", True, clients, "127.0.0.1:8080", {"net": 16}, 1000, 30.0, 2, "root"))
    assert "listen [::]:8443 ssl backlog=1024;" in made
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in made
    assert ("ssl_verify_client optional;" in made) == clients
    assert "user root;" in made
