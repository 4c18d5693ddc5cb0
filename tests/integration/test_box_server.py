"""The on-box program with a real TorchServe and the embedded model: tokens on, management on its socket.

The project's own .venv stands in for a runtime made from wheels; that one is made on the booted boxes of tests/boxes.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from box.store import runtime_files
from common.server.tokens import read_header
from kit.build import Build
from kit.bundle import making, program
from kit.bundle.documents import content
from kit.bundle.target import BoxTarget
from kit.processes import family
from kit.profiles import CONFIG, MODEL_CONFIG, MODELS, PROPERTIES, Profile
from kit.serving.launch import WORKER
from kit.smoke.session import client
from tests.box.shop import Box, Key, Release, pip_wheel
from tests.conftest import RunScript, script_environment
from tests.integration.places import free_addresses

EDGE = Profile("edge", CONFIG / "edge", "for this test")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, archive_root: Path, run_script: RunScript) -> dict[str, Release]:
    """Two versions of the embedded model's edge release, by version; the traced model is the other tests'."""
    root = tmp_path_factory.mktemp("build")
    shutil.copytree(archive_root / "onprem", root / "edge", ignore=shutil.ignore_patterns("run", "*.mar"))
    made = {}
    for version in ("1.0", "2.0"):
        archived = run_script(
            "archive", env=script_environment(root, PROFILE="edge", RUNTIME="torch", MODEL_VERSION=version)
        )
        assert archived.returncode == 0, archived.stderr
        made[version] = _release(root, EDGE)
    return made


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, archive_root: Path, run_script: RunScript) -> list[Release]:
    """Two releases of a shop with two models, the second with another version of the second model."""
    root = tmp_path_factory.mktemp("shop")
    profile = Profile("shop", root / "shop", "for this test")
    profile.folder.mkdir()
    for name in (PROPERTIES, MODEL_CONFIG):
        shutil.copy(EDGE.folder / name, profile.folder)
    (profile.folder / MODELS).write_text("shelf:\nproduce:\n")
    made = []
    for versions in ({"shelf": "1.0", "produce": "1.0"}, {"produce": "2.0"}):
        for name, version in versions.items():
            model = Build(root / "build" / "shop" / "models" / name)
            if not model.folder.exists():
                shutil.copytree(archive_root / "onprem", model.folder, ignore=shutil.ignore_patterns("run", "*.mar"))
                report = json.loads(model.export_report.read_text())
                model.export_report.write_text(json.dumps(report | {"model_name": name}))
            asked = {"PROFILE": str(profile.folder), "MODEL_NAME": name, "MODEL_VERSION": version, "RUNTIME": "torch"}
            archived = run_script("archive", env=script_environment(root / "build", **asked))
            assert archived.returncode == 0, archived.stderr
        made.append(_release(root / "build", profile))
    return made


def _release(root: Path, profile: Profile) -> Release:
    """What `make bundle` makes of the archives in `root`, without the wheels that .venv stands in for."""
    target = BoxTarget(f"linux_{os.uname().machine}", f"{sys.version_info.major}.{sys.version_info.minor}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(root))
        models = [making.Boxed(one, content.check_archive(one, target)) for one in profile.models()]
        contents: dict[str, tuple[str, bytes | Path]] = {
            **content.small_files(profile, program.UNITS),
            f"wheels/{pip_wheel().name}": ("wheel", pip_wheel().read_bytes()),
        }
        for one in models:
            file = one.profile.build.folder / one.archive["file"]
            contents[file.name] = ("archive", file.read_bytes())
        described = making.describe(profile, target, models, contents)
    bodies = {path: body for path, (_, body) in contents.items() if isinstance(body, bytes)}
    blobs = {part.sha256: bodies[part.path] for part in described.parts}
    document = described.document
    # .venv's torch, made for CUDA too, takes more memory than a box's; how fast a loaded machine is says nothing here.
    document["gate"] |= {"memory_mb": 1500, "p95_ms": 60_000}
    return Release(document, blobs)


class RealBox(Box):
    """Its server's other ports are free ones too, since it shares the machine's."""

    ports: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.ports

    def client(self) -> httpx.Client:
        return client(f"http://127.0.0.1:{self.port}", read_header(self.paths.inference_header), timeout=60)


@pytest.fixture
def box(releases: dict[str, Release], tmp_path: Path) -> Iterator[RealBox]:
    root = Path(tempfile.mkdtemp(prefix="box-"))
    made = RealBox(root, Key.make(tmp_path, "operator@workstation"))
    addresses = free_addresses()
    made.port = int(addresses["TS_INFERENCE_ADDRESS"].rpartition(":")[2])
    made.ports = {name: value for name, value in addresses.items() if name not in SET_BY_THE_BOX}
    made.provision()
    runtime = made.paths.runtime(str(releases["1.0"].document["runtime"]["id"]))
    runtime.mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name not in ("lib", "lib64"):
            (runtime / path.name).symlink_to(path)
    site_packages = Path(sysconfig.get_path("purelib"))
    packages = runtime / site_packages.relative_to(sys.prefix)
    packages.mkdir(parents=True)
    for path in site_packages.iterdir():
        (packages / path.name).symlink_to(path)
    (packages / WORKER.name).symlink_to(WORKER)  # a bundle brings it as a wheel
    runtime_files.write_index(runtime)
    yield made
    made.kill_everything()
    shutil.rmtree(root)


SET_BY_THE_BOX = ("TS_INFERENCE_ADDRESS", "TS_MANAGEMENT_ADDRESS")


@dataclass
class Load:
    """Clients that ask all the time; `failures` is what any of them got but a right answer."""

    right: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def on(self, box: RealBox, picture: bytes, best: str, clients: int = 2, model: str = "resnet18") -> Iterator[None]:
        ended = threading.Event()

        def ask() -> None:
            with box.client() as http:
                while not ended.is_set():
                    try:
                        response = http.put(f"/predictions/{model}", content=picture)
                        if response.status_code == 200 and next(iter(response.json())) == best:
                            self.right += 1
                        else:
                            self.failures.append(f"HTTP {response.status_code}: {response.text[:200]}")
                    except httpx.HTTPError as error:
                        self.failures.append(repr(error))

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()


@pytest.mark.timeout(900)
def test_a_hot_swap_under_load_fails_no_request(box: RealBox, releases: dict[str, Release]) -> None:
    first, second = releases["1.0"], releases["2.0"]
    result = box.deploy(first)
    assert result["how"] == "first"
    golden = first.document["golden"]["pictures"][0]
    picture = (box.paths.release(first.name) / golden["file"]).read_bytes()
    best = max(golden["expected"], key=golden["expected"].get)

    load = Load()
    with load.on(box, picture, best):
        upgraded = box.deploy(second)
        while load.right < 50 and not load.failures:
            time.sleep(0.1)
        rolled_back = box.ask("rollback")
        box.ask("confirm", first.name)
    assert load.failures == []
    assert (upgraded["how"], rolled_back["how"]) == ("hot", "hot")
    assert load.right >= 50
    status = box.ask("status")
    assert (status["release"], status["version"], status["answers"]) == (first.name, "1.0", True)


@pytest.mark.timeout(900)
def test_one_of_two_models_is_swapped_hot_and_no_request_fails(box: RealBox, shops: list[Release]) -> None:
    first, second = shops
    result = box.deploy(first)
    assert (result["gate"]["workers"], result["gate"]["golden_wrong"]) == (2, 0)
    golden = first.document["golden"]["pictures"][0]
    picture = (box.paths.release(first.name) / golden["file"]).read_bytes()
    best = max(golden["expected"], key=golden["expected"].get)
    load, other = Load(), Load()
    with load.on(box, picture, best, 1, "shelf"), other.on(box, picture, best, 1, "produce"):
        upgraded = box.deploy(second)
        while min(load.right, other.right) < 20 and not load.failures + other.failures:
            time.sleep(0.1)
    assert load.failures + other.failures == []
    assert upgraded["how"] == "hot", upgraded
    status = box.ask("status")
    assert {one["name"]: one["version"] for one in status["models"]} == {"shelf": "1.0", "produce": "2.0"}
    assert (status["answers"], len(status["workers"])) == (True, 2)


def test_only_its_user_may_ask_the_management_api(box: RealBox, releases: dict[str, Release]) -> None:
    box.deploy(releases["1.0"])
    paths = box.paths
    assert stat.S_ISSOCK(paths.socket.stat().st_mode)
    assert stat.S_IMODE(paths.private.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (paths.keys, paths.management_header)} == {0o600}
    assert stat.S_IMODE(paths.inference_header.stat().st_mode) == 0o640
    with httpx.Client(base_url=f"http://127.0.0.1:{box.port}") as nobody:
        assert nobody.put("/predictions/resnet18", content=b"").status_code == 400
    listening = {
        row.laddr.ip
        for process in _family(box)
        for row in process.net_connections("tcp")
        if row.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def _family(box: RealBox) -> list[psutil.Process]:
    state = json.loads(box.paths.server_state.read_text())
    return family(state["pid"])


def test_a_model_that_cannot_load_is_taken_back_with_its_log(box: RealBox, releases: dict[str, Release]) -> None:
    box.deploy(releases["1.0"])
    broken = _with_archive(releases["2.0"], b"this is no archive")
    box.take(broken)
    result = box.refused("activate", broken.name)
    assert result["rolled_back"] and result["running"] == releases["1.0"].name
    assert result["log"]
    assert box.answers_with() == "1.0"
    assert box.refused("confirm", broken.name)["running"] == releases["1.0"].name


def _with_archive(release: Release, archive: bytes) -> Release:
    """The release with another archive and another configuration, so that it takes a restart."""
    import hashlib

    document = json.loads(json.dumps(release.document)) | {"release": "resnet18-2.0-broken01"}
    blobs = dict(release.blobs)
    for part in document["parts"]:
        if part["path"] in (document["model"]["archive"], "config/log4j2.xml"):
            body = archive if part["path"] == document["model"]["archive"] else blobs[part["sha256"]] + b"\n"
            part |= {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
            blobs[part["sha256"]] = body
    return Release(document, blobs)
