"""What the server says about itself: health, models, workers, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.server.torchserve import error_text
from common.watch import endpoint
from common.words import count
from kit.client import exposition
from kit.client.exposition import Sample
from kit.smoke.outcome import CheckFailed, NotChecked, require
from kit.smoke.predictions import check_still_answers
from kit.smoke.session import Session, client

# The kit's own, and those of a server that was set up otherwise.
COUNTERS = (("vision_requests_total", "model"), ("ts_inference_requests_total", "model_name"))


def health(session: Session) -> str:
    response = session.inference.get("/ping")
    require(response.status_code == 200, f"/ping: HTTP {response.status_code}, {error_text(response.content)}")
    status = response.json().get("status")
    require(status == "Healthy", f"/ping says {status!r}, not 'Healthy'")
    return "Healthy"


def list_models(session: Session) -> str:
    names = session.management.models()
    require(
        session.target.model in names,
        f"no model {session.target.model!r} among {', '.join(names) or 'the none there are'}",
    )
    return ", ".join(names)


def describe(session: Session) -> str:
    row = session.management.describe(session.target.model)[0]
    states = [worker["status"] for worker in row["workers"]]
    require(bool(states), f"version {row['modelVersion']} has no worker")
    waiting = [state for state in states if state != "READY"]
    require(not waiting, f"{len(waiting)} of {len(states)} workers are not READY: {', '.join(sorted(set(waiting)))}")
    return f"version {row['modelVersion']}, {count(len(states), 'worker')} READY"


def metrics(session: Session) -> str:
    """One prediction more must be counted as one more."""
    if not session.target.metrics_url:
        raise NotChecked("METRICS_URL not given")
    check_still_answers(session)  # TorchServe's own have no series for a model before its first request
    before = _read_metrics(session)
    name, label = _counter(before, session.target.model)
    check_still_answers(session)
    after = _read_metrics(session)
    more = _counted(after, name, label, session.target.model) - _counted(before, name, label, session.target.model)
    require(more >= 1, f"{name} does not count a request for {session.target.model} right after one")
    return f"{len(after)} samples; {name} counts"


def _read_metrics(session: Session) -> list[Sample]:
    target = session.target
    if target.metrics_url.startswith("unix:"):
        text = endpoint.read(Path(target.metrics_url.removeprefix("unix:")))
    else:
        with client(target.metrics_url, target.headers if target.metrics_url == target.url else {}) as http:
            response = http.get("/metrics")
        require(response.status_code == 200, f"HTTP {response.status_code}, {error_text(response.content)}")
        text = response.text
    require(bool(text.strip()), "no metrics: set metrics_mode=prometheus in config.properties")
    try:
        return exposition.parse(text)
    except exposition.FormatError as error:
        raise CheckFailed(f"not Prometheus's text format: {error}") from None


def _counter(samples: Sequence[Sample], model: str) -> tuple[str, str]:
    """Which counter tells of answered requests, and which of its labels names the model."""
    for name, label in COUNTERS:
        if any(sample.name == name and sample.labels.get(label) == model for sample in samples):
            return name, label
    raise CheckFailed(f"none of {', '.join(name for name, _ in COUNTERS)} counts requests for {model}")


def _counted(samples: Sequence[Sample], name: str, label: str, model: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name and sample.labels.get(label) == model)
