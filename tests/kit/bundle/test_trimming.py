"""Wheels without what no box uses."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import sys
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from kit.bundle.target import BoxTarget
from kit.bundle.wheels import trimming

ARM, X86 = BoxTarget("linux_aarch64", "3.11"), BoxTarget("linux_x86_64", "3.11")
NUMPY = "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.whl"
TORCHSERVE = "torchserve-0.12.0-py3-none-any.whl"


class Pipe(io.BytesIO):
    """Cannot be wound back, so that the sizes of a zip's members stand behind them."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


def wheel(folder: Path, name: str, members: Mapping[str, bytes], pipe: bool = False) -> Path:
    """With a RECORD that is right."""
    package, version = name.split("-")[:2]
    info = f"{package}-{version}.dist-info"
    members = {**members, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode()}
    rows = [f"{member},sha256={digest(content)},{len(content)}" for member, content in members.items()]
    rows.append(f"{info}/RECORD,,")
    file = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for member, content in {**members, f"{info}/RECORD": "\n".join(rows).encode()}.items():
            made.writestr(member, content)
    (folder / name).write_bytes(file.getvalue())
    return folder / name


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def whole(path: Path) -> dict[str, bytes]:
    """The members of a wheel, all of which and nothing else its RECORD lists, rightly."""
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        members = {name: opened.read(name) for name in opened.namelist()}
    record = next(name for name in members if name.endswith("/RECORD"))
    listed = {row[0]: row[1] for row in csv.reader(members[record].decode().splitlines())}
    assert listed == {name: "" if name == record else f"sha256={digest(members[name])}" for name in members}
    return members


@pytest.mark.parametrize("pipe", [False, True])
def test_what_is_kept_is_kept_as_it_was_and_the_record_knows_no_more(tmp_path: Path, pipe: bool) -> None:
    kept = {"numpy/__init__.py": b"x = 1\n" * 500, "numpy/testing/__init__.py": b"", "numpy.libs/a.so": bytes(9000)}
    unused = {"numpy/tests/test_a.py": b"test", "numpy/_core/tests/data/a.csv": b"1,2"}
    made = wheel(tmp_path, NUMPY, kept | unused, pipe)
    trimmed = trimming.trim(made, ARM, tmp_path / "trimmed")
    assert trimmed.name == made.name
    found = whole(trimmed)
    assert {name: content for name, content in found.items() if "dist-info" not in name} == kept
    assert trimming.trim(made, ARM, tmp_path / "again").read_bytes() == trimmed.read_bytes()


def test_a_wheel_of_which_all_is_used_is_taken_as_it_came(tmp_path: Path) -> None:
    made = wheel(tmp_path, "pyyaml-6.0.3-py3-none-any.whl", {"yaml/tests/test_a.py": b""})
    assert trimming.trim(made, ARM, tmp_path / "trimmed") == made


@pytest.mark.parametrize(("target", "system"), [(ARM, "linux_aarch_64"), (X86, "linux_x86_64")])
def test_torchserves_jar_keeps_the_tls_library_of_the_target_alone(
    tmp_path: Path, target: BoxTarget, system: str
) -> None:
    tls = {f"META-INF/native/libio_grpc_netty_shaded_netty_tcnative_{one}.so" for one in trimming.ALL_SYSTEMS}
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as made:
        for name in (*tls, "org/pytorch/serve/ModelServer.class", "groovy/lang/Closure.class"):
            made.writestr(name, name * 100)
    members = {trimming.JAR: jar.getvalue(), "ts/__init__.py": b""}
    found = whole(trimming.trim(wheel(tmp_path, TORCHSERVE, members), target, tmp_path / "trimmed"))
    with zipfile.ZipFile(io.BytesIO(found[trimming.JAR])) as opened:
        assert opened.testzip() is None
        names = set(opened.namelist())
    (kept,) = names & tls
    assert kept.endswith(f"tcnative_{system}.so")
    assert names - tls == {"org/pytorch/serve/ModelServer.class"}


def test_no_class_of_torchserve_names_one_that_is_left_out() -> None:
    """A class file spells the names of all that it uses."""
    jar = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / trimming.JAR
    folders = [pattern.removesuffix("*") for pattern in trimming.JAR_UNUSED if not pattern.startswith("META-INF")]
    with zipfile.ZipFile(jar) as opened:
        left_out = {name for name in opened.namelist() if any(fnmatch(name, one) for one in trimming.JAR_UNUSED)}
        assert len(left_out) > 5000
        for name in set(opened.namelist()) - left_out:
            if name.endswith(".class") and name != "module-info.class":
                content = opened.read(name)
                assert not [folder for folder in folders if folder.encode() in content], name
