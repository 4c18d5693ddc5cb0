"""fleet.yaml: the example is the schema, and what is wrong is said with its line."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.errors import UsageError
from kit.build import PROJECT
from kit.fleet.inventory import fleet_file
from kit.fleet.inventory.fleet import Box, Fleet, WaveRule
from kit.fleet.rollout.waves import cut

EXAMPLE = PROJECT / "config/fleet.example.yaml"


def read(tmp_path: Path, text: str) -> Fleet:
    file = tmp_path / "shops.yaml"
    file.write_text(text)
    return fleet_file.read_fleet(file)


def refused(tmp_path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    return caught.value


def keys_of(items: list[Any]) -> set[str]:
    return {key for item in items if isinstance(item, dict) for key in item}


def test_the_example_has_every_key_and_no_other() -> None:
    document = yaml.safe_load(EXAMPLE.read_text())
    assert set(document) == set(fleet_file.FLEET_KEYS)
    assert keys_of(document["boxes"]) == set(fleet_file.BOX_KEYS)
    assert keys_of(list(document["groups"].values())) == set(fleet_file.GROUP_KEYS)
    assert keys_of(document["waves"]) == set(fleet_file.WAVE_KEYS)


def test_every_key_of_the_example_is_explained_by_a_comment() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[a-z_]+:", line):
            assert lines[number - 1].startswith("#"), line


def test_the_examples_values_are_the_defaults(tmp_path: Path) -> None:
    example, least = fleet_file.read_fleet(EXAMPLE), read(tmp_path, "boxes: [pi@b1]")
    for name in ("pause", "allowed_failures", "confirm_seconds", "parallel", "bwlimit"):
        assert getattr(example, name) == getattr(least, name), name


def test_the_example_is_read_as_it_says() -> None:
    fleet = fleet_file.read_fleet(EXAMPLE)
    here = "http://127.0.0.1:8080"
    addresses = [(box.inference_address, box.gateway_address) for box in fleet.boxes[:3]]
    assert addresses == [(here, "0.0.0.0:8443"), (here, "0.0.0.0:9443"), ("http://0.0.0.0:9090", "0")]
    assert fleet.boxes[0] == Box("pi@shelf-01", ("canary", "north"), here, "0.0.0.0:8443")
    assert fleet.signers == str(EXAMPLE.parent / "allowed_signers")
    assert [wave.boxes for wave in cut(fleet)] == [
        ("shelf-01",),
        ("shelf-02", "shelf-03"),
        ("shelf-04", "shelf-05", "shelf-06"),
    ]
    assert [wave.pause for wave in cut(fleet)] == [600, 60, 60]


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("boxes: [pi@b1]\npauze: 3", 2, "a fleet file has no 'pauze'", "did you mean 'pause'?"),
        ("boxes:\n  - address: pi@b1\n    adress: x", 3, "a box has no 'adress'", "did you mean 'address'?"),
        ("boxes: [pi@b1]\ngroups:\n  g:\n    port: 3", 4, "group g has no 'port'", "it knows inference_address"),
        ("boxes: [pi@b1]\ngateway_address: box:8443", 2, "box:8443 is not an address for a gateway", "none for no"),
        ("boxes: [pi@b1]\ngateway_address: 0.0.0.0:443", 2, "port 443 is for root alone", "0.0.0.0:8443"),
        ("boxes: [pi@b1]\nnotify: ftp://x", 2, "neither a URL nor a command", "none for nobody"),
        ("boxes: [pi@b1]\ngateway_address: 8443", 2, "gateway_address must be a text", ""),
        (
            "boxes: [pi@b1]\ngateway_address: 0.0.0.0:8443\ninference_address: http://0.0.0.0:80",
            1,
            "b1 has a gateway, so its TorchServe may not listen at http://0.0.0.0:80",
            "127.0.0.1",
        ),
        ("boxes: [pi@b1]\nwaves:\n  - size: 3", 3, "a wave has no 'size'", ""),
        ("boxes: [pi@b1]\nwaves:\n  - count: 3\n    percent: 4", 3, "by one of group, count or percent", ""),
        ("boxes: [{address: b1, groups: [north]}]\nwaves: [{group: nort}]", 2, "no box is in group 'nort'", "'north'?"),
        ("boxes: [pi@b1]\npause: soon", 2, "pause must be a number, 0 or more, not 'soon'", ""),
        ("boxes: [pi@b1]\npause: yes", 2, "pause must be a number, 0 or more, not True", ""),
        ("boxes: [pi@b1]\nparallel: 1.5", 2, "parallel must be a whole number", ""),
        ("boxes: [pi@b1]\nconfirm_seconds: 5", 2, "confirm_seconds must be a number, 10 or more", ""),
        ("boxes: [pi@b1]\npause: 3\npause: 4", 3, "'pause' is given twice", "shops.yaml:2"),
        ("boxes:\n  - pi@b1\n  - root@b1", 3, "b1 is listed twice", ""),
        ("boxes:\n  - -oProxyCommand=evil", 2, "is not an address that ssh takes", ""),
        ("boxes:\n  - ssh://pi@b1:22", 2, "is a URL", ""),
        ("boxes:\n  - pi@b1:2222", 2, "names a port", ""),
        ("boxes: pi@b1", 1, "boxes must be a list", ""),
        ("boxes: []", 1, "no boxes", "fleet.example.yaml"),
        ("boxes: [b1]\ninference_address: 8080", 2, "inference_address must be a text", ""),
        ("boxes: [b1]\ninference_address: http://0.0.0.0", 2, "not an address to listen at", "http://0.0.0.0:8080"),
        ("boxes: [b1]\ninference_address: https://0.0.0.0:8443", 2, "serves http, and no https", "http://0.0.0.0:8080"),
        ("boxes: [b1]\npause: .inf", 2, "pause must be a number", ""),
        ("boxes: [b1]\nparallel: .inf", 2, "parallel must be a number", ""),
        ("boxes: [b1]\nparallel: .nan", 2, "parallel must be a number", ""),
        ("boxes: [b1]\npause: 2026-11-26", 2, "pause must be a number", ""),
        ("boxes: [b1]\npause: 2026-13-45", 2, "pause is not a kind of value that belongs here", ""),
        ("boxes: [2026-11-26]", 1, "address must be a text", ""),
        (
            "boxes: [b1]\nsigners: !!python/object:os.system x",
            2,
            "signers is not a kind of value that belongs here",
            "",
        ),
        ("boxes: [b1]\n? [a, b]\n: 3", 2, "a key must be a single value", ""),
        ("boxes: [b1]\n7: 3", 2, "a key must be a text", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, words: str, hint: str) -> None:
    error = refused(tmp_path, text)
    assert error.message.startswith(f"{tmp_path / 'shops.yaml'}:{line}: "), error.message
    assert words in error.message
    assert hint in error.hint


@pytest.mark.parametrize(("text", "words"), [("", "is empty"), ("a: [", "is not YAML"), ("pause: 1", "no 'boxes'")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(tmp_path, text).message


def test_ipv6_addresses_have_colons_of_their_own(tmp_path: Path) -> None:
    fleet = read(tmp_path, "boxes: ['pi@fe80::1%eth0', '::1', 'pi@2001:db8::7']")
    assert [box.name for box in fleet.boxes] == ["fe80::1%eth0", "::1", "2001:db8::7"]


def test_a_nesting_without_end_is_refused(tmp_path: Path) -> None:
    assert "nested too deeply" in refused(tmp_path, "boxes: " + "[" * 20_000).message


def test_whatever_stands_in_a_fleet_file_it_is_read_or_refused_in_words(tmp_path: Path) -> None:
    """A seeded fuzz: the example with pieces of it, and of YAML's odd corners, put anywhere."""
    chance = random.Random(9)  # noqa: S311 (not a secret)
    odd = [
        "!!binary x",
        "!!set {a}",
        "!!timestamp 2",
        "&a [*a]",
        "*none",
        "<<: {a: 1}",
        "~",
        ".NaN",
        "-.inf",
        "0x_",
        "1:61",
    ]
    odd += [
        "2026-02-31",
        "!!int x",
        "!!float y",
        "!!bool z",
        "? ",
        "| ",
        "{",
        "]",
        "\t",
        "\x00",
        "é",
        "9" * 5000,
        "- - - 1",
    ]
    pieces = [*odd, *EXAMPLE.read_text().split()]
    text = EXAMPLE.read_text()
    for _ in range(400):
        made = text
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(made))
            made = made[:at] + chance.choice(pieces) + made[at + chance.randint(0, 8) :]
        file = tmp_path / "fuzzed.yaml"
        file.write_text(made)
        try:
            assert fleet_file.read_fleet(file).boxes
        except UsageError as error:
            assert str(file) in error.message


def test_a_file_that_is_not_there_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        fleet_file.read_fleet(tmp_path / "nope.yaml")
    assert "fleet.example.yaml" in caught.value.hint


def test_hosts_make_a_fleet_with_no_file() -> None:
    fleet = fleet_file.read_hosts("pi@shelf-01, pi@shelf-02")
    assert [box.address for box in fleet.boxes] == ["pi@shelf-01", "pi@shelf-02"]
    assert [box.name for box in fleet.boxes] == ["shelf-01", "shelf-02"]
    assert fleet.pause == 0


@pytest.mark.parametrize("hosts", ["", " , ", "-oX=y", "pi@a,pi@a", "pi@a/b", "pi@a:22", "https://a"])
def test_hosts_that_ssh_must_not_be_given_are_refused(hosts: str) -> None:
    with pytest.raises(UsageError):
        fleet_file.read_hosts(hosts)


def test_percent_is_of_the_whole_fleet_and_rounds_up() -> None:
    boxes = tuple(Box(f"b{number}") for number in range(10))
    fleet = Fleet("f", "", boxes, (WaveRule(percent=25), WaveRule(percent=25)))
    assert [len(wave.boxes) for wave in cut(fleet)] == [3, 3, 4]


def test_with_no_waves_one_box_goes_first() -> None:
    fleet = Fleet("f", "", tuple(Box(f"b{number}") for number in range(4)))
    assert [len(wave.boxes) for wave in cut(fleet)] == [1, 3]
