"""The bounds of the bins that servers count in."""

from __future__ import annotations

import kit.handlers  # noqa: F401
import measures
from common.watch.series import GATEWAY_SECONDS

# As gateway/watch/metrics.js has them.
GATEWAY_BOUNDS = (
    *(0.002, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10),
)
WORKER_SECONDS = ("queue", "handler", "total")  # which worker/metrics.py counts itself
BOUNDS: dict[str, tuple[float, ...]] = {
    GATEWAY_SECONDS: GATEWAY_BOUNDS,
    **{key: tuple(measures.SECONDS) for key in WORKER_SECONDS},
    **{one["key"]: tuple(one["bounds"]) for one in measures.declared([]) if "bounds" in one},
}
