"""What this box has confirmed itself, and may go back to whatever it trusts now.

A mark in the release's own folder says so, beside the link `confirmed` and the history: of the three, any one may be
lost. The mark holds the hash of the manifest that was confirmed, so a release that was changed since does not pass
for it.
"""

from __future__ import annotations

import json
from pathlib import Path

from box.state import history
from box.state.paths import Paths
from box.store import releases
from common import durable

MARK = "confirmed.json"


def note(paths: Paths, release: str) -> None:
    """This release is confirmed now, later than any other."""
    order = 1 + max((_order(paths, name) for name in releases.here(paths)), default=0)
    mark = {"order": order, "manifest": durable.sha256(paths.release(release) / releases.MANIFEST)}
    durable.write(_mark(paths, release), (json.dumps(mark) + "\n").encode())


def noted(paths: Paths, release: str) -> bool:
    """Does its mark say that the manifest which lies there was confirmed?"""
    try:
        manifest = durable.sha256(paths.release(release) / releases.MANIFEST)
    except OSError:
        return False
    return durable.read_object(_mark(paths, release)).get("manifest") == manifest


def latest_first(paths: Paths) -> list[str]:
    """Every release that was confirmed here, the latest first, each once: by the marks, then by the history.

    A release that is here and whose mark is lost has its place by the history alone.
    """
    orders = {name: _order(paths, name) for name in releases.here(paths)}
    marked = sorted((name for name, order in orders.items() if order), key=lambda name: -orders[name])
    return list(dict.fromkeys([*marked, *history.confirmed_releases(paths.history)]))


def _order(paths: Paths, release: str) -> int:
    """0 for a release without a mark that can be read."""
    order = durable.read_object(_mark(paths, release)).get("order")
    return order if isinstance(order, int) and order > 0 else 0


def _mark(paths: Paths, release: str) -> Path:
    return paths.release(release) / MARK
