"""What the server says about itself: health, models, workers, metrics."""

from __future__ import annotations

from common.server.torchserve import error_text
from common.words import count
from kit.client import exposition
from kit.smoke.outcome import CheckFailed, NotChecked, require
from kit.smoke.predictions import check_still_answers
from kit.smoke.session import Session, client

REQUESTS = "ts_inference_requests_total"


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
    """Predicts first: TorchServe has no series for a model before its first request."""
    if not session.target.metrics_url:
        raise NotChecked("METRICS_URL not given")
    check_still_answers(session)
    with client(session.target.metrics_url, {}) as http:
        response = http.get("/metrics")
    require(response.status_code == 200, f"HTTP {response.status_code}, {error_text(response.content)}")
    require(bool(response.text.strip()), "no metrics: set metrics_mode=prometheus in config.properties")
    try:
        samples = exposition.parse(response.text)
    except exposition.FormatError as error:
        raise CheckFailed(f"not Prometheus's text format: {error}") from None
    counted = sum(
        sample.value
        for sample in samples
        if sample.name == REQUESTS and sample.labels.get("model_name") == session.target.model
    )
    require(counted > 0, f"{REQUESTS} counts no request for {session.target.model} right after one")
    return f"{len(samples)} samples, {REQUESTS} {counted:.0f}"
