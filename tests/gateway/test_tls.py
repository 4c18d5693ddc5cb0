"""Certificates: the gateway's own, and clients' in place of a key."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.errors import Unreachable
from common.gateway import nginx_files
from common.server.torchserve import Inference
from kit.gateway import certificates, nginx
from kit.gateway.certificates import Pair
from tests.gateway.conftest import PREDICT, Front, Start
from tests.gateway.fake_torchserve import MODEL, label
from tests.integration.places import wait_for

NAMES = ["localhost", "127.0.0.1"]


def trusting(folder: Path, authority: Pair, client: Pair | None = None) -> ssl.SSLContext:
    ca = folder / "ca.pem"
    ca.write_bytes(authority.certificate)
    context = ssl.create_default_context(cafile=str(ca))
    if client:
        certificates.write(folder / "client", client)
        context.load_cert_chain(folder / "client" / certificates.CERTIFICATE, folder / "client" / certificates.KEY)
    return context


def client(front: Front, context: ssl.SSLContext, with_key: bool = True) -> httpx.Client:
    headers = {"Authorization": f"Bearer {front.key}"} if with_key else {}
    address = f"https://127.0.0.1:{front.port}"
    return httpx.Client(base_url=address, headers=headers, verify=context, trust_env=False)


def test_a_client_that_trusts_the_authority_is_served_and_a_renewal_loses_nothing(start: Start, tmp_path: Path) -> None:
    authority = certificates.new_authority()
    first = certificates.issue(authority, NAMES)
    front = start(tls=True, files={"certificate": first})
    context = trusting(tmp_path, authority)

    def serial() -> int:
        with client(front, context) as fresh:
            answer = fresh.post(PREDICT, content=b"picture")
            assert answer.status_code == 200
            shown = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
            return int(shown["serialNumber"], 16)

    before = serial()
    with client(front, context) as open_before:
        assert open_before.post(PREDICT, content=b"slow picture").status_code == 200
        assert nginx_files.show(front.folder, certificates.issue(authority, NAMES))
        nginx.reload(front.folder, front.process)
        assert open_before.post(PREDICT, content=b"slow picture").status_code == 200
    wait_for(lambda: serial() != before)


def test_another_authority_is_not_trusted(start: Start, tmp_path: Path) -> None:
    front = start(tls=True, files={"certificate": certificates.issue(certificates.new_authority(), NAMES)})
    context = trusting(tmp_path, certificates.new_authority())
    with client(front, context) as stranger, pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        stranger.post(PREDICT, content=b"picture")


def test_plain_http_to_the_tls_port_is_told_what_to_write(start: Start) -> None:
    front = start(tls=True, files={"certificate": certificates.issue(certificates.new_authority(), NAMES)})
    with front.client() as plain:
        answer = plain.get("/health")
    assert answer.status_code == 400
    assert "write https://" in answer.json()["message"]


def test_a_client_s_certificate_stands_for_a_key(start: Start, tmp_path: Path) -> None:
    authority, clients = certificates.new_authority(), certificates.new_authority()
    pair = certificates.issue(authority, NAMES)
    front = start(tls=True, client_ca=True, files={"certificate": pair, "client_ca": clients.certificate})
    with client(front, trusting(tmp_path, authority), with_key=False) as nobody:
        assert nobody.post(PREDICT, content=b"picture").status_code == 401
    with client(front, trusting(tmp_path, authority)) as by_key:
        assert by_key.post(PREDICT, content=b"picture").status_code == 200
    mine = certificates.issue(clients, ["till-9"], for_client=True)
    with client(front, trusting(tmp_path, authority, mine), with_key=False) as by_certificate:
        assert by_certificate.post(PREDICT, content=b"picture").status_code == 200
    strange = certificates.issue(certificates.new_authority(), ["till-9"], for_client=True)
    with client(front, trusting(tmp_path, authority, strange), with_key=False) as stranger:
        assert stranger.post(PREDICT, content=b"picture").status_code == 400
    wait_for(lambda: '"client":"till-9"' in (front.folder / "logs" / "access.log").read_text())


def test_settings_that_nginx_does_not_take_change_nothing(start: Start) -> None:
    pair = certificates.issue(certificates.new_authority(), NAMES)
    front = start(tls=True, files={"certificate": pair})
    nginx_files.show(front.folder, replace(pair, key=certificates.new_authority().key))
    with pytest.raises(Exception, match="does not take its new settings"):
        nginx.reload(front.folder, front.process)
    with client(front, ssl._create_unverified_context()) as still:  # noqa: S323
        assert still.get("/health").status_code in (200, 503)


def test_the_kit_s_own_client_says_how_to_trust_it(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificates.new_authority()
    front = start(tls=True, files={"certificate": certificates.issue(authority, NAMES)})
    asking = Inference(f"https://127.0.0.1:{front.port}", {"Authorization": f"Bearer {front.key}"})
    with pytest.raises(Unreachable, match="is not trusted") as caught:
        asking.predict(MODEL, b"picture")
    assert "SSL_CERT_FILE" in caught.value.hint
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert asking.predict(MODEL, b"picture")[label(b"picture")] == 0.75
