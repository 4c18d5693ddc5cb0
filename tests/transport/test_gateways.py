"""`make key`, `make keys` and `make certificates` for a fleet, over real ssh, to boxes that serve nothing."""

from __future__ import annotations

import json

from tests.transport.workstation import FLEET, Workstation


def test_keys_reach_every_box_and_one_that_was_away_later(workstation: Workstation) -> None:
    workstation.deploy(workstation.bundle("1.0"))
    workstation.boxes.unplug("shelf-02")
    made = workstation.script("key", "key", NAME="till-7", RATE="20/s")
    assert made.returncode == 1
    assert made.stdout.startswith("Authorization: Bearer vs_")
    assert "shelf-01: till-7 may ask" in made.stderr
    assert "it gets that with the next make keys, make key or make deploy" in " ".join(made.stderr.split())
    workstation.boxes.plug_in("shelf-02")
    listed = workstation.script("key", "list", JSON="1")
    assert listed.returncode == 0, listed.stderr
    assert [[key["name"] for key in box["keys"]] for box in json.loads(listed.stdout)["boxes"]] == [["till-7"]] * 2
    assert made.stdout.split()[-1] not in str([workstation.boxes.state(name) for name in workstation.boxes.names])
    shown = workstation.script("key", "list").stdout
    assert "shelf-02" in shown and "till-7" in shown


def test_a_key_that_no_box_takes_is_not_printed(workstation: Workstation) -> None:
    workstation.deploy(workstation.bundle("1.0"))
    assert workstation.script("key", "key", NAME="till-7").returncode == 0
    again = workstation.script("key", "key", NAME="till-7")
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is a key named till-7 already" in again.stderr
    for times in (0, 1):
        revoked = workstation.script("key", "key", REVOKE="till-7")
        assert revoked.returncode == times, "the second time nobody has it"
    assert "nothing was changed on any box" in revoked.stderr
    assert workstation.script("key", "key", NAME="till-7", HOSTS="shelf-01").returncode == 2


def test_each_box_has_a_certificate_with_its_first_release_and_a_renewal_finds_it_good(
    workstation: Workstation,
) -> None:
    (workstation.folder / "fleet.yaml").write_text(f"{FLEET}gateway_address: 0.0.0.0:8443\n")
    done = workstation.run("deploy", BUNDLE=str(workstation.bundle("1.0").file))
    assert "sent the gateway's certificate: there is none" in done.stdout, done.stdout
    renewed = workstation.script("certificates")
    assert renewed.returncode == 0, renewed.stderr
    assert renewed.stdout.count("no: it is good") == 2 and "shelf-02, localhost" in renewed.stdout
    assert "authority/certificate.pem" in "".join(renewed.stderr.split())
    status = workstation.run("status")
    assert status.returncode == 0 and "396 days" in status.stdout, status.stdout
    half = workstation.script("certificates", CERTIFICATE="x.pem")
    assert half.returncode == 2 and "CERTIFICATE and PRIVATE_KEY belong together" in half.stderr
