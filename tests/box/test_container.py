"""A release in a container: laid out in an image, served by the first process with a gateway in front, and ended."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from box.gateway import nginx
from box.server import endpoints
from box.store import releases
from common.gateway import keys
from kit.gateway import certificates
from tests.box.bundles import write_bundle
from tests.box.shop import EXPECTED, PICTURE, Box, Key, Release, make_release, wait_for
from tests.ports import free_port

ENDED = "-----END CERTIFICATE-----\n"


@pytest.fixture
def port() -> int:
    return free_port()


def release(folder: Path, **options: object) -> Release:
    return make_release("1.0", folder, gateway=True, **options)  # type: ignore[arg-type]


def placed(box: Box, port: int, made: Release, folder: Path) -> Box:
    """As in the Containerfile."""
    bundle = folder / "it.bundle"
    write_bundle(bundle, made, box.key)
    box.ask("place", str(bundle), "--gateway", f"http://127.0.0.1:{port}")
    return box


@contextmanager
def running(box: Box, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(box.command("run", *words), env=box.environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: endpoints.own_word(box.paths).get("phase") == "ready" or process.poll() is not None, 30)
            yield process
        finally:
            process.terminate()
            process.wait(60)


def ask(port: int, key: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        url = f"http://127.0.0.1:{port}/predictions/net"
        return client.post(url, content=PICTURE, headers={"Authorization": f"Bearer {key}"})


def test_what_was_placed_is_verified_and_nothing_was_started(box: Box, port: int, tmp_path: Path) -> None:
    made = release(tmp_path)
    box = placed(box, port, made, tmp_path)
    assert (releases.current(box.paths), releases.confirmed(box.paths)) == (made.name, made.name)
    assert not box.paths.server_state.exists()
    assert nginx.of(box.paths).pid() == 0
    assert "the gateway does not run" in box.refused("healthy")["error"]


def test_what_nobody_signed_is_not_placed(box: Box, port: int, tmp_path: Path) -> None:
    bundle = tmp_path / "it.bundle"
    write_bundle(bundle, release(tmp_path), box.key)
    bundle.write_bytes(bundle.read_bytes().replace(b'"version": "1.0"', b'"version": "9.0"'))
    assert "does not fit the manifest" in box.refused("place", str(bundle))["error"]
    assert releases.current(box.paths) is None


def test_it_answers_behind_its_gateway_and_a_request_under_way_outlives_its_end(
    box: Box, port: int, tmp_path: Path
) -> None:
    key = keys.add(box.paths.gateway_keys, "till", None)
    answers: list[httpx.Response] = []
    with running(placed(box, port, release(tmp_path, seconds=2), tmp_path)) as process:
        assert box.ask("healthy") == {"event": "result", "ok": True}
        client = threading.Thread(target=lambda: answers.append(ask(port, key)))
        client.start()
        threading.Event().wait(0.5)
        process.terminate()
        assert process.wait(60) == 0
        client.join()
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, EXPECTED)]
    assert nginx.of(box.paths).pid() == 0
    with pytest.raises(httpx.ConnectError):
        ask(port, key)


def mount_certificate(box: Box) -> bytes:
    """As a TLS secret of Kubernetes lies there. The certificate, in DER."""
    pair = certificates.issue(certificates.new_authority(), ["127.0.0.1"])
    box.paths.gateway_pair.mkdir(exist_ok=True)
    (box.paths.gateway_pair / "tls.key").write_bytes(pair.key)
    (box.paths.gateway_pair / "tls.crt").write_bytes(pair.certificate)
    return ssl.PEM_cert_to_DER_cert(pair.certificate.decode().partition(ENDED)[0] + ENDED)


def shown(port: int) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))


def test_a_certificate_that_is_mounted_is_shown_and_so_is_the_next(box: Box, port: int, tmp_path: Path) -> None:
    placed(box, port, release(tmp_path), tmp_path)
    first = mount_certificate(box)
    with running(box):
        assert shown(port) == first
        gateway = nginx.of(box.paths).pid()
        second = mount_certificate(box)
        wait_for(lambda: shown(port) == second, 30)
        assert nginx.of(box.paths).pid() == gateway, "it was reloaded"
        assert box.ask("healthy")["ok"] is True


def test_a_gateway_that_ends_ends_the_container(box: Box, port: int, tmp_path: Path) -> None:
    with running(placed(box, port, release(tmp_path), tmp_path)) as process:
        gateway = psutil.Process(nginx.of(box.paths).pid())
        family = [gateway, *gateway.children()]
        for one in family:  # its workers would outlive it here, where there is no namespace that ends
            one.kill()
        assert process.wait(60) == 1
    assert not box.paths.server_state.exists(), "the server was ended too"


def test_a_server_that_ends_ends_the_container_and_its_gateway(box: Box, port: int, tmp_path: Path) -> None:
    with running(placed(box, port, release(tmp_path), tmp_path)) as process:
        os.kill(int(endpoints.own_word(box.paths)["java"]), signal.SIGKILL)
        assert process.wait(60) == 1
    assert nginx.of(box.paths).pid() == 0


def test_without_a_gateway_it_does_not_start(box: Box, tmp_path: Path) -> None:
    bundle = tmp_path / "it.bundle"
    write_bundle(bundle, release(tmp_path), box.key)
    box.ask("place", str(bundle))
    assert "no gateway" in box.refused("run")["error"]


def test_an_image_without_a_release_says_so(box: Box) -> None:
    status, _ = box.run("run")
    assert status == 78


ORPHANS = """
import ctypes, os, time
from box.container.running import _bury
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.2)
    os._exit(0)
time.sleep(0.6)
_bury(0)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none left")
"""


def test_those_whose_parents_are_gone_are_buried(box: Box) -> None:
    done = subprocess.run([sys.executable, "-c", ORPHANS], env=box.environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("none left\n", "")


def mounted(box: Box, folder: Path, *bundles: tuple[Release, Key]) -> Path:
    """A volume with bundles in it; as the releases that the image has, there is an empty volume in their place."""
    models = folder / "mounted/models"
    models.mkdir(parents=True)
    for made, key in bundles:
        write_bundle(models / f"{made.name}.bundle", made, key)
    shutil.rmtree(box.paths.releases)
    box.paths.releases.mkdir()
    return models.parent


def test_a_model_that_is_mounted_is_served_instead_of_the_images_own(box: Box, port: int, tmp_path: Path) -> None:
    key = keys.add(box.paths.gateway_keys, "till", None)
    placed(box, port, release(tmp_path), tmp_path)
    other = make_release("2.0", tmp_path, gateway=True)
    models = mounted(box, tmp_path, (other, box.key))
    for _ in range(2):  # a container that is started again finds what it left
        with running(box, "--models", str(models)):
            assert endpoints.own_word(box.paths)["release"] == other.name
            assert ask(port, key).json() == EXPECTED
            assert box.ask("healthy")["ok"] is True


def test_nothing_is_started_for_a_model_that_is_not_to_be_trusted(box: Box, port: int, tmp_path: Path) -> None:
    placed(box, port, release(tmp_path), tmp_path)
    other, third = (make_release(version, tmp_path, gateway=True) for version in ("2.0", "3.0"))
    stranger = Key.make(tmp_path, "stranger@nowhere")
    no_runtime = Release(other.document | {"runtime": {**other.document["runtime"], "id": "0" * 16}}, other.blobs)
    digest = other.blob_of("net.mar")
    damaged = Release(other.document, {**other.blobs, digest: b"x" + other.blobs[digest][1:]})
    for number, (bundles, words) in enumerate(
        (
            ([(other, stranger)], "signed by a key that this box does not trust"),
            ([(damaged, box.key)], "net.mar of the bundle is damaged"),
            ([(no_runtime, box.key)], "a runtime that this image does not have"),
            ([], "holds 0 bundles"),
            ([(other, box.key), (third, box.key)], "holds 2 bundles"),
        )
    ):
        models = mounted(box, tmp_path / str(number), *bundles)
        assert words in box.refused("run", "--models", str(models))["error"]
        assert not box.paths.server_state.exists()
        assert nginx.of(box.paths).pid() == 0
        assert releases.here(box.paths) == []
