from pathlib import Path

import pytest

from common.errors import KitError
from kit.bundle.wheels import distribution
from tests.kit.bundle.parts import java_wheel, make_wheel, torchserve_wheel

NAME = "Some_Thing-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("metadata", "licence", "is_expression"),
    [
        ("License-Expression: MIT AND Zlib\nLicense: ignored", "MIT AND Zlib", True),
        ("License: Apache License Version 2.0", "Apache License Version 2.0", False),
        ("License: BSD\nClassifier: License :: OSI Approved :: MIT License", "BSD", False),
        (f"License: {'a whole text ' * 20}\nClassifier: License :: OSI Approved :: MIT License", "MIT License", False),
        ("Classifier: License :: Public Domain\nClassifier: License :: Freeware", "Public Domain; Freeware", False),
        ("Summary: nothing said", "not stated", False),
    ],
)
def test_a_licence_is_read_however_it_is_said(tmp_path: Path, metadata: str, licence: str, is_expression: bool) -> None:
    found = distribution.read(make_wheel(tmp_path, NAME, metadata))
    assert (found.name, found.version, found.file) == ("some-thing", "1.0", NAME)
    assert (found.licence, found.is_expression) == (licence, is_expression)
    assert found.holds == ()


def test_the_java_in_its_wheel_is_found(tmp_path: Path) -> None:
    found = distribution.read(java_wheel(tmp_path))
    assert [(each.name, each.version) for each in found.holds] == [("openjdk", "25.0.2")]
    assert found.licence == "GNU General Public License v2 (GPLv2)"


def test_the_netty_in_torchserves_jar_is_found(tmp_path: Path) -> None:
    assert distribution.read(torchserve_wheel(tmp_path)).holds[0].purl.endswith("/netty-all@4.1.53.Final")


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no zip")
    with pytest.raises(KitError, match="is not a wheel"):
        distribution.read(tmp_path / NAME)
