"""`make image`: the same digest twice, signed, with its SBOM; and it serves without root, on a root file system that
nothing can be written to.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.gateway import keys
from kit.image import layout
from tests.boxes.releases import Release, Workshop
from tests.image import engine
from tests.image.conftest import Made, make_image
from tests.image.engine import Container, Storage
from tests.signers import allowed_signers_line

pytestmark = pytest.mark.timeout(900)  # whichever comes first makes the image


def blob(made: Made, digest: str) -> bytes:
    return layout.blob(made.layout, digest).read_bytes()


def config(made: Made) -> dict[str, Any]:
    manifest = json.loads(blob(made, made.document["digest"]))
    return dict(json.loads(blob(made, manifest["config"]["digest"])))


def attached(made: Made, kind: str) -> bytes:
    """A document that refers to the image."""
    index = json.loads((made.layout / "index.json").read_text())
    (row,) = [row for row in index["manifests"] if row.get("artifactType") == kind]
    manifest = json.loads(blob(made, row["digest"]))
    assert manifest["subject"]["digest"] == made.document["digest"]
    return blob(made, manifest["layers"][0]["digest"])


def test_it_is_the_same_digest_in_another_storage(
    made: Made, workshop: Workshop, release: Release, folder: Path
) -> None:
    other = Storage.make(folder / "other")
    done = make_image(workshop, release, other, JSON="1")
    assert json.loads(done.stdout)["digest"] == made.document["digest"]


def test_it_says_what_it_is_and_runs_without_root_or_a_shell(made: Made, release: Release) -> None:
    found = config(made)["config"]
    assert found["User"] == "65532:65532"
    assert found["Entrypoint"] == ["python3", "-I", engine.PROGRAM, "run"]
    assert found["StopSignal"] == "SIGTERM"
    assert list(found["ExposedPorts"]) == ["8000/tcp"]
    assert found["Labels"]["org.opencontainers.image.version"] == "1.0"
    assert found["Labels"]["org.opencontainers.image.revision"] == release.name


def test_the_model_is_its_last_layer(made: Made, release: Release) -> None:
    layers = {layer["name"]: layer["size"] for layer in made.document["layers"]}
    assert list(layers)[-1] == "model"
    assert release.archive_bytes * 0.9 < layers["model"] < release.archive_bytes * 1.1
    assert layers["runtime"] > 5 * layers["model"] > 50 * layers["kit"]


def test_the_sbom_and_the_signature_come_with_it(made: Made, workshop: Workshop, folder: Path) -> None:
    sbom = json.loads(attached(made, "application/vnd.cyclonedx+json"))
    assert sbom["bomFormat"] == "CycloneDX"
    (folder / "image.sig").write_bytes(attached(made, "application/vnd.openssh.signature"))
    (folder / "allowed").write_text(f"operator {workshop.key.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-I", "operator", "-n", "vision-serve-image"]
    command += ["-f", str(folder / "allowed"), "-s", str(folder / "image.sig")]
    for text, status in ((made.document["digest"], 0), ("sha256:" + "0" * 64, 255)):
        done = subprocess.run(command, input=text.encode(), capture_output=True)
        assert done.returncode == status


def test_a_bundle_that_the_image_would_not_trust_is_not_built(
    workshop: Workshop, release: Release, storage: Storage, folder: Path
) -> None:
    stranger = Workshop.make_key(folder / "stranger")
    (folder / "signers").write_text(allowed_signers_line(stranger, "somebody"))
    done = make_image(workshop, release, storage, SIGNERS=str(folder / "signers"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "a key that this box does not trust" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_base_that_does_not_fit_is_said(workshop: Workshop, release: Release, storage: Storage) -> None:
    done = make_image(workshop, release, storage, BASE="scratch")
    assert done.returncode == 1
    assert "the build failed" in done.stderr
    assert "BASE=" in done.stderr.partition("hint:")[2]


def test_nobody_in_it_may_write_but_where_state_is(root: Path) -> None:
    for path in (root / "opt/vision-serve").rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_uid == 0
            assert not path.stat().st_mode & 0o022, path
    assert [(root / place).stat().st_uid for place in ("run", "var/lib/vision-serve")] == [65532, 65532]


def test_it_answers_clients_with_a_key_and_its_health_is_true(container: Container, folder: Path, root: Path) -> None:
    container.wait_until_ready()
    key, picture = new_key(folder), golden(root)
    url = "http://127.0.0.1:8000/predictions/resnet18"
    with container.entered() as client:
        assert client.post(url, content=picture).status_code == 401
        answer = client.post(url, content=picture, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) == 5
        with pytest.raises(httpx.ConnectError):
            client.get("http://127.0.0.1:8081/models")  # no API but the gateway's and TorchServe's own on loopback
        metrics = client.get("http://127.0.0.1:8000/metrics", headers={"Authorization": f"Bearer {key}"}).text
        assert 'vision_model_info{model="resnet18",version="1.0"' in metrics
    healthy = container.inside("python3", "-I", engine.PROGRAM, "healthy")
    assert (healthy.returncode, json.loads(healthy.stdout)["ok"]) == (0, True), healthy.stderr
    (worker,) = re.findall(r"^(\d+) model-worker$", processes(container), re.MULTILINE)
    assert container.inside("kill", "-STOP", worker).returncode == 0
    sick = container.inside("python3", "-I", engine.PROGRAM, "healthy")
    assert sick.returncode == 1
    assert "not healthy" in sick.stderr


def new_key(folder: Path) -> str:
    """As a secret that is mounted there would have it."""
    there = folder / "state/gateway/keys"
    key = keys.add(there, "till", None)
    for place in (there, there.parent):
        place.chmod(0o755)
    return key


def golden(root: Path) -> bytes:
    return next((root / "opt/vision-serve/current/golden").glob("*.jpg")).read_bytes()


def processes(container: Container) -> str:
    return container.inside("sh", "-c", "for p in /proc/[0-9]*; do echo ${p#/proc/} $(cat $p/comm); done").stdout


def test_at_sigterm_it_answers_what_is_under_way_and_ends_with_0(
    container: Container, folder: Path, root: Path
) -> None:
    container.wait_until_ready()
    key, picture = new_key(folder), golden(root)
    answers: list[int] = []

    def ask_until_closed() -> None:
        with container.entered() as client:
            while True:
                try:
                    url, headers = "http://127.0.0.1:8000/predictions/resnet18", {"Authorization": f"Bearer {key}"}
                    answers.append(client.post(url, content=picture, headers=headers).status_code)
                except httpx.ConnectError:
                    return

    client = threading.Thread(target=ask_until_closed)
    client.start()
    time.sleep(1)
    os.kill(container.pid, signal.SIGTERM)
    assert container.ended() == 0, container.said()
    client.join(10)
    assert (folder / "state/record/record.sqlite").stat().st_uid == int(engine.USER), "what it did is kept"
    assert set(answers) == {200}
    assert len(answers) > 10
