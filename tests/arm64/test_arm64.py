"""The aarch64 bundle on a bare arm64 Debian with no network: installed, served, and asked, under emulation.

Emulation proves that the thing runs on that processor's instructions, and says nothing about its speed: the gate's
limits for time and memory are out of the way here, everything else is the edge profile's.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.manifest import Manifest
from kit.bundle import manifest as manifests
from kit.bundle import reading, signing, tarball
from kit.profiles import CONFIG
from tests.arm64 import root
from tests.arm64.emulated import Emulated, started
from tests.conftest import RunScript, script_environment
from tests.signers import allowed_signers_line

pytestmark = pytest.mark.timeout(3600)
# Some forty times slower than the slowest box, and each process carries the emulator.
EMULATED_GATE = {"p95_ms": 60_000, "memory_mb": 4000, "ready_seconds": 600, "requests": 3}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Path:
    """Made with the commands a user types, from the embedded model."""
    folder = tmp_path_factory.mktemp("workstation")
    profile = folder / "edge"
    shutil.copytree(CONFIG / "edge", profile)
    config = profile / "model-config.yaml"
    text = config.read_text()
    for name, value in EMULATED_GATE.items():
        text, changed = re.subn(rf"^  {name}: \d+$", f"  {name}: {value}", text, flags=re.MULTILINE)
        assert changed == 1, name
    config.write_text(text)
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", key], check=True)
    (folder / "allowed_signers").write_text(allowed_signers_line(key, "operator"))
    environment = script_environment(
        folder / "build",
        PROFILE=str(profile),
        PLATFORM="linux_aarch64",
        PYTHON=root.PYTHON,
        KEY=str(key),
        WHEELS=str(root.cache() / "wheels"),
        TORCH_INDEX="",
    )
    for script in ("export", "archive", "bundle"):
        done = run_script(script, env=environment, timeout=1200)
        assert done.returncode == 0, done.stderr
    print(f"\n{done.stdout}", flush=True)
    return next((folder / "build" / "edge" / "bundle").iterdir())


@pytest.fixture(scope="module")
def box(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    if lacking := root.lacking():
        pytest.fail(f"install them first: apt-get install {' '.join(lacking)}")
    folder = tmp_path_factory.mktemp("box")
    with started(root.make(), folder) as box:
        for path in (bundle, bundle.parents[3] / "allowed_signers"):
            subprocess.run(box.beside("cp", str(path), str(box.root / "root")), check=True)
        yield box
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(box: Emulated, bundle: Path) -> dict[str, Any]:
    """As docs say for a box without a workstation: box.pyz out of the bundle, then install."""
    began = time.monotonic()
    said(box, "uname", "-sm")
    said(box, "python3", "--version")
    said(box, "tar", "-xf", f"/root/{bundle.name}", "-C", "/root", "box.pyz")
    print("$ python3 box.pyz install", bundle.name, "--signers allowed_signers", flush=True)
    answer = box.box("install", f"/root/{bundle.name}", "--signers", "/root/allowed_signers", program="/root/box.pyz")
    print(json.dumps(answer), f"\n({time.monotonic() - began:.0f} s under emulation)", flush=True)
    return answer


def said(box: Emulated, *command: str) -> str:
    done = subprocess.run(box.inside(*command), capture_output=True, text=True, check=True)
    print("$", *command, f"\n{done.stdout.strip()}", flush=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def manifest(bundle: Path) -> Manifest:
    return reading.read(bundle).manifest


def test_the_box_is_arm64_and_has_no_network(box: Emulated) -> None:
    assert said(box, "uname", "-m") == "aarch64"
    links = subprocess.run(box.beside("ip", "-brief", "link"), capture_output=True, text=True, check=True).stdout
    assert [line.split()[0] for line in links.splitlines()] == ["lo"]


def test_it_installs_offline_and_confirms_itself(installed: dict[str, Any], manifest: Manifest) -> None:
    assert installed["ok"], installed


def test_the_runtime_is_the_bundles(installed: dict[str, Any], box: Emulated, manifest: Manifest) -> None:
    python = f"/opt/vision-serve/runtimes/{manifest.runtime_id}/bin/python"
    program = "import importlib.util, onnxruntime; print(onnxruntime.__version__, importlib.util.find_spec('torch'))"
    assert said(box, python, "-W", "ignore", "-c", program).split() == ["1.26.0", "None"]


def test_every_golden_picture_is_answered_rightly_over_http(
    installed: dict[str, Any], box: Emulated, manifest: Manifest
) -> None:
    header = f"@{box.root}/run/vision-serve/inference.header"
    url = f"http://127.0.0.1:8080/predictions/{manifest.model.name}"
    tolerance = manifest.document["golden"]["tolerance"]
    for picture in manifest.document["golden"]["pictures"]:
        file = f"{box.root}/opt/vision-serve/releases/{manifest.release}/{picture['file']}"
        command = box.beside("curl", "--silent", "--fail", "-H", header, "-T", file, url)
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        answer, expected = json.loads(asked.stdout), picture["expected"]
        best = max(expected, key=lambda label: float(expected[label]))
        print(f"{picture['file']}: {best} {answer.get(best)} (expected {expected[best]})", flush=True)
        assert next(iter(answer)) == best
        assert abs(answer[best] - expected[best]) <= tolerance


def test_it_says_that_it_serves_this_release(installed: dict[str, Any], box: Emulated, manifest: Manifest) -> None:
    status = box.box("status")
    print(json.dumps(status), flush=True)
    assert (status["ok"], status["answers"], status["ready"]) == (True, True, True)
    assert status["release"] == status["confirmed"] == manifest.release


def test_its_gateway_answers_a_client(installed: dict[str, Any], box: Emulated, manifest: Manifest) -> None:
    """The gate asks a golden picture through it, with a key."""
    box.box("provision", "--gateway", "http://127.0.0.1:8000")
    print(json.dumps(box.box("activate", manifest.release)), flush=True)
    status = box.box("status")
    assert status["gateway"]["ready"], status["gateway"]
    command = box.beside("curl", "--silent", "http://127.0.0.1:8000/health")
    health = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(health, flush=True)
    assert health == {"status": "ready", "model": manifest.model.name, "version": manifest.model.version}


def on_a_cortex_a72(bundle: Path) -> Path:
    """The same release for a server whose processes run on a Cortex-A72, as a Raspberry Pi 4 has it: of ARMv8.0, with
    neither the dot product nor half precision of later ones. qemu reads the variable."""
    opened, key = reading.read(bundle), bundle.parents[3] / "key"
    blobs = bundle.parent / "blobs"
    opened.extract(blobs, opened.manifest.blobs())
    document = copy.deepcopy(dict(opened.manifest.document))
    document["server"]["environment"]["QEMU_CPU"] = "cortex-a72"
    for made_anew in ("release", "parts", "format"):
        document.pop(made_anew)
    made = manifests.make(document, opened.manifest.parts)
    file = bundle.with_name("cortex-a72.bundle")
    contents = sorted((digest, blobs / digest) for digest in opened.manifest.blobs())
    tarball.write(file, made.content, signing.sign(made.content, key), opened.program, contents)
    return file


def test_a_cortex_a72_answers_rightly_too(installed: dict[str, Any], box: Emulated, bundle: Path) -> None:
    """The gate asks every golden picture; the runtime is the one that stands."""
    file = on_a_cortex_a72(bundle)
    subprocess.run(box.beside("cp", str(file), str(box.root / "root")), check=True)
    answer = box.box("install", f"/root/{file.name}")
    print(json.dumps(answer), flush=True)
    assert answer["ok"], answer
    assert answer["how"] == "restart"
    assert answer["gate"]["golden_right"] == 5
    status = box.box("status")
    assert status["answers"] is True
    environment = said(box, "cat", f"/proc/{status['workers'][0]['pid']}/environ").split("\0")
    assert "QEMU_CPU=cortex-a72" in environment
