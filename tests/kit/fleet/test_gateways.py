"""Keys and certificates of a fleet's gateways, as the workstation looks after them."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.gateway import keys
from kit.fleet.gateway import certificate, client_keys
from kit.fleet.gateway.certificate import Given
from kit.fleet.gateway.client_keys import Changes
from kit.fleet.host import gateways
from kit.fleet.host.result import Kind
from kit.fleet.ssh.remote import BoxError
from kit.gateway import certificates
from tests.kit.fleet.conftest import Shop

DAY = 86400.0


def new(name: str) -> Changes:
    text, row = keys.new(name, None)
    return Changes(add={keys.sha256(text): row})


def names(shop: Shop, box: str) -> list[str]:
    return sorted(row["name"] for row in shop.state(box)["keys"].values())


def change(shop: Shop, changes: Changes) -> list[str]:
    return [answer.error for answer in gateways.change_keys(shop.remotes, changes, 4)]


@pytest.fixture
def deployed(shop: Shop) -> Shop:
    shop.deploy("r0")
    return shop


def test_a_key_reaches_every_box_and_never_the_key_itself(deployed: Shop) -> None:
    shop = deployed
    text, row = keys.new("till-7", keys.rate("20/s"))
    assert change(shop, Changes(add={keys.sha256(text): row})) == [""] * 5
    assert {tuple(names(shop, box)) for box in shop.remotes} == {("till-7",)}
    assert text not in str(shop.state("b1"))


def test_a_box_that_was_out_of_reach_gets_what_it_missed(deployed: Shop) -> None:
    shop = deployed
    shop.remotes["b2"].down = True
    change(shop, new("till-7"))
    errors = change(shop, new("till-8"))
    assert errors[1].startswith("out of reach") and errors[0] == errors[2] == ""
    shop.remotes["b2"].down = False
    change(shop, Changes(revoke=("till-7",)))
    assert names(shop, "b2") == names(shop, "b1") == ["till-8"]


def test_a_bare_box_gets_them_with_its_first_release(shop: Shop) -> None:
    assert set(change(shop, new("till-7"))) == {"bare: nothing was ever deployed to it"}
    shop.deploy()
    assert names(shop, "b2") == ["till-7"]


def test_a_deployment_brings_what_waits(deployed: Shop) -> None:
    shop = deployed
    shop.remotes["b2"].down = True
    change(shop, new("till-7"))
    shop.remotes["b2"].down = False
    shop.deploy()
    assert names(shop, "b2") == ["till-7"]


def test_a_revocation_is_not_undone_by_what_waited_before_it() -> None:
    first = new("till-7")
    assert first.then(Changes(revoke=("till-7",))) == Changes(revoke=("till-7",))
    again = new("till-7")
    assert first.then(Changes(revoke=("till-7",))).then(again) == Changes(("till-7",), again.add)


def test_what_a_box_refuses_does_not_wait_for_ever(deployed: Shop, settings: Path) -> None:
    shop = deployed
    change(shop, new("till-7"))
    errors = change(shop, new("till-7"))
    assert set(errors) == {"there is a key named till-7 already → revoke it first"}
    assert client_keys.unsent(settings / "unsent", "b1") == Changes()
    assert change(shop, new("till-8")) == [""] * 5


def test_keys_are_listed_by_box(deployed: Shop) -> None:
    shop = deployed
    change(shop, new("till-7"))
    shop.remotes["b3"].down = True
    answers = gateways.list_keys(shop.remotes, 4)
    assert [[row["name"] for row in answer.said.get("keys", [])] for answer in answers][:3] == [
        ["till-7"],
        ["till-7"],
        [],
    ]
    assert answers[2].error.startswith("out of reach")


def with_gateways(shop: Shop, address: str = "0.0.0.0:8443") -> Shop:
    shop.fleet = replace(shop.fleet, boxes=tuple(replace(box, gateway_address=address) for box in shop.fleet.boxes))
    return shop


def test_each_box_gets_a_certificate_of_its_own_with_its_first_release(shop: Shop) -> None:
    report = with_gateways(shop).deploy()
    assert not report.failed
    shown = [shop.state(box)["certificate"] for box in shop.remotes]
    assert shown[0]["names"] == ["b1", "localhost", "192.0.2.7"] and shown[1]["names"][0] == "b2"
    assert len({one["authority"] for one in shown}) == 1
    assert "sent the gateway's certificate: there is none" in report.results[0].changes


def test_one_that_is_near_its_end_is_renewed_by_a_deployment_that_changes_nothing_else(shop: Shop) -> None:
    with_gateways(shop).deploy()
    shop.state("b1")["certificate"]["ends"] = time.time() + 20 * DAY
    report = shop.deploy()
    assert {result.kind for result in report.results} == {Kind.UNCHANGED}
    assert shop.state("b1")["certificate"]["ends"] > time.time() + 300 * DAY
    assert report.results[1].changes == []


def test_a_box_of_another_workstation_s_authority_keeps_its_certificate(shop: Shop) -> None:
    with_gateways(shop).deploy()
    shop.state("b1")["certificate"] |= {"ends": time.time() + 20 * DAY, "authority": "ab" * 32}
    report = shop.deploy()
    assert not report.failed, "a certificate keeps no release back"
    assert report.results[0].changes[0].startswith("NOT DONE at the gateway: its certificate is to be renewed")
    answers = gateways.renew_certificates(shop.remotes, Given(), 4)
    assert "it is by authority abababababababab…" in answers[0].error
    assert [answer.said["why"] for answer in answers[1:]] == [""] * 4
    shop.state("b1")["certificate"]["ends"] = time.time() - DAY  # nobody trusts that one any more
    assert not gateways.renew_certificates(shop.remotes, Given(), 4)[0].error


def told(**changes: Any) -> dict[str, Any]:
    return {"tls": True, "names": ["shelf-01"], "certificate": None} | changes


def test_the_operator_s_own_is_sent_and_then_left_alone(tmp_path: Path) -> None:
    pair = certificates.issue(certificates.new_authority(), ["*.shops.example"])
    sent = certificate.wanted("b1", told(), tmp_path / "authority", Given(pair))
    assert sent and sent[0]["names"] == ["*.shops.example"] and sent[0]["authority"] == ""
    shown = {"names": ["*.shops.example"], "ends": time.time() + DAY, "authority": ""}
    assert certificate.wanted("b1", told(certificate=shown), tmp_path / "authority", Given()) is None
    assert not (tmp_path / "authority").exists()


def test_none_for_a_box_without_tls(tmp_path: Path) -> None:
    for gateway in (None, told(tls=False)):
        assert certificate.wanted("b1", gateway, tmp_path, Given()) is None


def test_names_that_no_certificate_could_have_are_left_out() -> None:
    assert certificate.names("here", ["server", "192.0.2.7"]) == ["server", "192.0.2.7"]
    assert certificate.names("fe80::1%eth0", ["shelf_01", "192.0.2.7", "::1", "a b", "x" * 64 + "-", "-x"]) == [
        "shelf_01",
        "192.0.2.7",
        "::1",
    ]


def test_other_clients_are_a_reason_to_send_it_again(tmp_path: Path) -> None:
    first = certificate.wanted("b1", told(), tmp_path / "authority", Given())
    assert first and first[0]["client_ca"] is None
    shown = {key: first[0][key] for key in ("names", "ends", "authority")}
    assert certificate.wanted("b1", told(certificate=shown), tmp_path / "authority", Given()) is None
    again = certificate.wanted("b1", told(certificate=shown), tmp_path / "authority", Given(client_ca="PEM"))
    assert again and again[0]["client_ca"] == "PEM"


def test_a_box_without_a_gateway_says_so(shop: Shop) -> None:
    shop.deploy()
    assert {answer.error for answer in gateways.renew_certificates(shop.remotes, Given(), 4)} == {gateways.NO_GATEWAY}


@pytest.mark.parametrize("days", [400, 133])
def test_why_due_says_nothing_while_there_is_time(days: int) -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert certificates.why_due(["a"], now + datetime.timedelta(days=days), ["a"], now) == ""


def test_a_box_with_an_older_program_gets_its_keys_later(tmp_path: Path) -> None:
    def too_old(verb: str, stdin: bytes) -> dict[str, Any]:
        return {"ok": False, "error": f"argument VERB: invalid choice: '{verb}' (choose from 'status')"}

    client_keys.note(tmp_path, "b1", new("till-7"))
    with pytest.raises(BoxError, match="its program is older than gateways"):
        client_keys.send(tmp_path, "b1", too_old)
    assert client_keys.unsent(tmp_path, "b1") != Changes()
