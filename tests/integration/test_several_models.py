"""One server with several models: each with workers and a queue of its own, changed while requests come."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import processes
from kit.build import Build
from kit.processes import family
from kit.profiles import CONFIG, MODEL_CONFIG, PROPERTIES
from tests.conftest import RunScript
from tests.integration.places import Place, wait_for
from tests.integration.test_gateway import GatewayPlace, load

MB = 1 << 20


class Shop:
    """A profile of several models, each exported as another test exported the embedded one."""

    def __init__(self, root: Path, exported: Path, run_script: RunScript, base: str) -> None:
        self.folder = root / "profiles" / "shop"
        self.folder.mkdir(parents=True)
        for name in (PROPERTIES, MODEL_CONFIG):
            shutil.copy(CONFIG / base / name, self.folder)
        self._exported, self._run_script = exported, run_script
        self.place = Place(root, run_script, str(self.folder))
        shutil.copytree(exported / "golden", self.place.build.golden)  # where a place has its picture

    def list_models(self, **models: dict[str, object]) -> None:
        (self.folder / "models.yaml").write_text(yaml.safe_dump(models, sort_keys=False))

    def archive(self, name: str, version: str = "1.0") -> None:
        model = Build(self.place.build.folder / "models" / name)
        if not model.folder.exists():
            shutil.copytree(self._exported, model.folder, ignore=shutil.ignore_patterns("run", "*.mar", "models"))
            report = json.loads(model.export_report.read_text())
            model.export_report.write_text(json.dumps(report | {"model_name": name}))
        environment = self.place.environment | {"MODEL_NAME": name, "MODEL_VERSION": version}
        archived = self._run_script("archive", env=environment)
        assert archived.returncode == 0, archived.stderr


@pytest.fixture
def shop(archive_root: Path, tmp_path: Path, run_script: RunScript) -> Iterator[Shop]:
    made = Shop(tmp_path, archive_root / "onprem", run_script, "onprem")
    yield made
    made.place.server("stop")


def test_each_is_added_renewed_and_taken_away_and_no_request_fails(shop: Shop, run_script: RunScript) -> None:
    shop.list_models(shelf={"minWorkers": 1, "maxWorkers": 1}, produce={"minWorkers": 1, "maxWorkers": 1})
    refused = shop.place.server("start")
    assert refused.returncode == 1
    assert f"make archive PROFILE={shop.folder} MODEL_NAME=shelf" in refused.stderr
    shop.archive("shelf")
    shop.archive("produce")
    front = GatewayPlace(shop.place, run_script)
    assert "shelf 1.0, produce 1.0" in front.words
    assert "shelf 1 (minWorkers in model-config.yaml), produce 1 (" in front.words

    def health() -> dict[str, str]:
        with front.client() as client:
            return {one["name"]: one["version"] for one in client.get("/health").json()["models"] if one["ready"]}

    assert health() == {"shelf": "1.0", "produce": "1.0"}
    only = front.script("key", "key", NAME="till", MODELS="produce").split()[2]
    with front.client(only) as till:
        assert till.post("/predictions/produce", content=shop.place.picture()).status_code == 200
        answer = till.post("/predictions/shelf", content=shop.place.picture())
        assert (answer.status_code, answer.json()["message"]) == (403, "This key is not for shelf; it is for produce.")
        assert till.post("/v2/models/shelf/infer", json={}).status_code == 403
        assert till.get("/metrics").status_code == 403
    assert "produce" in front.script("key", "list")

    with load(front) as counts:
        shop.list_models(shelf={"minWorkers": 1, "maxWorkers": 1}, wine={"minWorkers": 1, "maxWorkers": 1})
        shop.archive("wine")
        shop.archive("shelf", "2.0")
        said = front.script("models", "reload")
        assert "wine 1.0 is added; shelf becomes 2.0; produce 1.0 is taken away. It serves shelf 2.0, wine 1.0" in said
        assert health() == {"shelf": "2.0", "wine": "1.0"}
    assert set(counts) == {200}, counts
    with front.client() as client:
        assert client.post("/predictions/wine", content=shop.place.picture()).status_code == 200
        assert client.post("/predictions/produce", content=shop.place.picture()).status_code == 404
        told = client.get("/metrics").text
    assert 'vision_requests_total{model="wine",version="1.0",code="200"} 1' in told
    assert len(list(shop.place.run.model_store.iterdir())) == 2
    assert "nothing has changed. It serves shelf 2.0, wine 1.0" in front.script("models", "reload")
    status = json.loads(front.script("server", "status", JSON="1"))
    assert [row["model"] for row in status["workers"]] == ["shelf", "wine"]


def test_one_that_answers_wrongly_is_not_taken_in(shop: Shop, run_script: RunScript) -> None:
    shop.list_models(shelf={"minWorkers": 1, "maxWorkers": 1})
    shop.archive("shelf")
    front = GatewayPlace(shop.place, run_script)
    index = Build(shop.place.build.folder / "models" / "shelf").golden / "golden.json"
    shop.archive("shelf", "2.0")
    right = index.read_text()
    document = json.loads(right)
    for row in document["pictures"]:
        row["expected"] = {"Nothing": 1.0}
    index.write_text(json.dumps(document))
    with load(front) as counts:
        refused = run_script("models", "reload", env=shop.place.environment)
        assert refused.returncode == 1
        assert "shelf gives wrong answers" in refused.stderr
    assert set(counts) == {200}, counts
    with front.client() as client:
        assert client.get("/health").json()["version"] == "1.0"
    assert len(list(shop.place.run.model_store.iterdir())) == 1


def test_a_candidate_is_compared_then_promoted_and_no_request_fails(shop: Shop, run_script: RunScript) -> None:
    shop.list_models(shelf={"minWorkers": 1, "maxWorkers": 1})
    shop.archive("shelf")
    front = GatewayPlace(shop.place, run_script)
    refused = run_script("models", "shadow", env=shop.place.environment)
    assert refused.returncode == 1
    assert "shelf 1.0 is what serves, and nothing else was archived since" in refused.stderr
    shop.archive("shelf", "2.0")
    with load(front) as counts:
        assert "not known yet" in front.script("models", "shadow", SHARE="100")
        wait_for(lambda: told(front)["pictures"] >= 200, 120)
        said = told(front, MIN_AGREEMENT="90")
        assert (said["serving"], said["candidate"], said["unanswered"]) == ("1.0", "2.0", 0)
        assert said["same"] == said["pictures"]
        assert min(*said["p50"], *said["confidence"]) > 0
        assert "it serves shelf 2.0" in front.script("models", "promote")
    assert set(counts) == {200}, counts
    assert [row["modelVersion"] for row in front.management.describe("shelf", "all")] == ["2.0"]
    assert list(shop.place.run.shadow.iterdir()) == []
    gone = run_script("models", "promote", env=shop.place.environment)
    assert gone.returncode == 1 and "shelf 2.0 has no candidate beside it" in gone.stderr


def told(front: GatewayPlace, **variables: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(front.script("models", "shadow", JSON="1", **variables))
    return document


def test_a_candidate_that_answers_otherwise_is_not_as_good_and_is_dropped(shop: Shop, run_script: RunScript) -> None:
    shop.list_models(shelf={"minWorkers": 1, "maxWorkers": 1})
    shop.archive("shelf")
    front = GatewayPlace(shop.place, run_script)
    model = Build(shop.place.build.folder / "models" / "shelf")
    names = json.loads(model.labels.read_text())
    model.labels.write_text(json.dumps({number: f"New {label}" for number, label in names.items()}))
    index = json.loads((model.golden / "golden.json").read_text())
    for row in index["pictures"]:
        row["expected"] = {f"New {label}": share for label, share in row["expected"].items()}
    (model.golden / "golden.json").write_text(json.dumps(index))
    shop.archive("shelf", "2.0")
    with load(front) as counts:
        front.script("models", "shadow", SHARE="100")
        wait_for(lambda: told(front)["pictures"] >= 200, 120)
        shown = front.script("models", "shadow")
        assert "verdict: not as good as 1.0" in shown
        assert "0.0 % have the same first answer, and 98 % are wanted" in shown
        assert "It serves shelf 1.0" in front.script("models", "drop")
        wait_for(lambda: not [one for one in family(front.java.pid) if "kit.serving.shadow" in one.cmdline()])
    assert set(counts) == {200}, counts
    assert [row["modelVersion"] for row in front.management.describe("shelf", "all")] == ["1.0"]
    assert len(list(shop.place.run.model_store.iterdir())) == 1


@pytest.fixture
def edge_exported(tmp_path: Path, run_script: RunScript) -> Path:
    """The embedded model as the edge profile has it: int8, for ONNX Runtime."""
    environment = {"BUILD": str(tmp_path / "exported"), "PROFILE": "edge"}
    exported = run_script("export", env=environment)
    assert exported.returncode == 0, exported.stderr
    return tmp_path / "exported" / "edge"


def test_five_on_a_small_box_take_less_than_a_gigabyte(
    edge_exported: Path, tmp_path: Path, run_script: RunScript
) -> None:
    shop = Shop(tmp_path, edge_exported, run_script, "edge")
    names = ["shelf", "produce", "wine", "bread", "fish"]
    shop.list_models(**{name: {} for name in names})
    for name in names:
        shop.archive(name)
    running = shop.place.start()
    try:
        with shop.place.client(running) as client:
            for name in names * 3:
                assert client.put(f"/predictions/{name}", content=shop.place.picture()).status_code == 200
        taken = processes.proportional(processes.family(running.pid))
        print(f"five models take {taken / MB:.0f} MB")
        assert taken < 1000 * MB
    finally:
        shop.place.server("stop")
