"""`make monitor` with a real Prometheus, Alertmanager and server: every panel has data, nothing fires in ordinary
traffic, and an alert that has a cause reaches Alertmanager.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from common.watch import workers
from kit.build import PROJECT
from kit.monitoring.files import CONFIG
from kit.processes import family
from tests.conftest import RunScript
from tests.integration.places import Place, wait_for
from tests.integration.test_gateway import GatewayPlace
from tests.meanwhile import meanwhile
from tests.ports import free_port
from worker.process import WORKER

PICTURES = sorted((PROJECT / "models/resnet18-grocery43/validation").glob("*/*.jpg"))
SECONDS = 240.0  # Prometheus asks every 15, and a rate needs two answers


class Monitor:
    def __init__(self, front: GatewayPlace) -> None:
        self.front, self.at = front, f"127.0.0.1:{free_port()}"
        self.said: list[str] = []

    def query(self, expression: str) -> list[dict[str, Any]]:
        asked = httpx.get(f"http://{self.at}/api/v1/query", params={"query": expression}, trust_env=False, timeout=30)
        answer = asked.json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def firing(self) -> set[str]:
        return {row["metric"]["alertname"] for row in self.query('ALERTS{alertstate="firing"}')}

    def alertmanager(self) -> str:
        (line,) = (line for line in self.said if line.startswith("alerts"))
        return line.rpartition(" ")[2]


def traffic(front: GatewayPlace) -> AbstractContextManager[None]:
    """Photographs, some of them twice, and now and then something that is none.

    Mixed, so that each minute has the same: folder by folder, what Prometheus missed of the first would have been other
    products, of other confidence.
    """
    mixed = random.Random(0).sample(PICTURES, len(PICTURES))  # noqa: S311

    def ask(ending: threading.Event) -> None:
        with front.client() as client:
            for number, picture in enumerate(itertools.cycle(mixed)):
                for _ in range(1 + (number % 10 == 0)):
                    assert client.post(front.predict, content=picture.read_bytes()).status_code == 200
                if number % 25 == 0:
                    client.post(front.predict, content=b"no picture")
                if ending.wait(0.02):
                    return

    return meanwhile(ask)


@pytest.fixture
def monitor(place: Place, run_script: RunScript) -> Iterator[Monitor]:
    made = Monitor(GatewayPlace(place, run_script, tls=True))
    with made.front.client() as client:  # what Prometheus sees first is not counted: where a count begins
        for content in (PICTURES[0].read_bytes(), b"no picture"):
            client.post(made.front.predict, content=content)
    environment = place.environment | {"MONITOR": made.at}
    command = [sys.executable, "-m", "scripts.monitor"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            made.said.append(line.rstrip())
            if line.startswith("files"):
                break
        yield made
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, process.stdout.read()


def queries() -> dict[str, str]:
    """Each panel's, with everything chosen that can be."""
    found = {}
    for file in sorted((CONFIG / "grafana").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                expression = re.sub(r"\$(fleet|box)", ".*", target["expr"]).replace("$__rate_interval", "1m")
                found[f"{file.name}: {panel['title']}: {target['refId']}"] = expression
    return found


def until(true: Callable[[], object], seconds: float, what: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(1)


def test_panels_have_data_nothing_fires_and_what_has_a_cause_does(monitor: Monitor, place: Place) -> None:
    front = monitor.front
    until(lambda: monitor.query("gateway_requests_total"), 60, lambda: monitor.said)
    with traffic(front):
        missing = queries()
        assert len(missing) > 50

        def all_there() -> bool:
            for name, expression in list(missing.items()):
                if monitor.query(expression):
                    del missing[name]
            return not missing

        until(all_there, SECONDS, lambda: f"no data: {missing}")
    assert monitor.firing() == set()
    same_report(monitor)
    temp = Path(front.state.temp)
    for deaths in range(1, 5):
        wait_for(lambda: len(alive(front)) == front.state.workers, 60)
        alive(front)[0].kill()
        wait_for(lambda deaths=deaths: workers.read(temp)[0]["workers_died"] >= deaths, 60)  # type: ignore[misc]
    until(lambda: "VisionWorkersDie" in monitor.firing(), 90, monitor.firing)
    told = f"{monitor.alertmanager()}/api/v2/alerts"

    def heard() -> bool:
        alerts = httpx.get(told, trust_env=False).json()
        return any(one["labels"]["alertname"] == "VisionWorkersDie" for one in alerts)

    until(heard, 60, lambda: httpx.get(told, trust_env=False).text)


def same_report(monitor: Monitor) -> None:
    """From the server's own record and from what Prometheus scraped of it, which guesses how its first minute began."""
    time.sleep(20)  # both have the last answers
    own, scraped = (
        json.loads(monitor.front.script("report", SINCE="1h", JSON="1", PROMETHEUS=url))["servers"]
        for url in ("", f"http://{monitor.at}")
    )
    assert len(own) == len(scraped) == 1
    mine, theirs = own[0]["summary"], scraped[0]["summary"]
    assert theirs["requests"] == pytest.approx(mine["requests"], rel=0.3)
    assert theirs["refused"] == pytest.approx(mine["refused"], rel=0.3)
    assert set(theirs["labels"]) == set(mine["labels"])
    assert theirs["confidence_p50"] == pytest.approx(mine["confidence_p50"], abs=0.1)
    assert theirs["p50_ms"] == pytest.approx(mine["p50_ms"], rel=0.3)
    assert (scraped[0]["release"], scraped[0]["alerts"]) == (own[0]["release"], [])


def alive(front: GatewayPlace) -> list[psutil.Process]:
    """Its workers, by their own processes."""
    return [one for one in family(front.java.pid) if one.name() == WORKER]


def test_without_a_gateway_there_is_nothing_to_scrape(place: Place, run_script: RunScript) -> None:
    refused = run_script("monitor", env=place.environment | {"MONITOR": f"127.0.0.1:{free_port()}"})
    assert refused.returncode == 1
    assert "no server is running" in refused.stderr
    place.start()
    refused = run_script("monitor", env=place.environment | {"MONITOR": f"127.0.0.1:{free_port()}"})
    assert refused.returncode == 1
    assert "there is no server with a gateway" in refused.stderr
    refused = run_script("monitor", env=place.environment | {"MONITOR": "here"})
    assert refused.returncode == 2
