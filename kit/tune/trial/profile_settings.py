"""From a profile's files to a candidate, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kit.machine import Machine
from kit.model.precision import precisions
from kit.profiles import Profile
from kit.serving import settings
from kit.serving.launch import RunFolder
from kit.tune.search.candidate import Candidate
from kit.tune.trial.settings_files import Setting

# TorchServe's own maxBatchDelay where none is given, and what it makes of 0.
STOCK_DELAY = 100


def default_of(profile: Profile, machine: Machine) -> Candidate:
    """What the profile comes to on a machine as it stands."""
    config = profile.read_model_config()
    properties = settings.load(profile.properties, os.environ | RunFolder(profile.build.run).environment())
    workers, _ = properties.workers(config, machine.cores, profile.gpus(machine))
    batch = int(config.get("batchSize", 1))
    return Candidate(
        precision=precisions.of(profile).name,
        workers=workers,
        threads=profile.threads(machine),
        batch=batch,
        delay=int(config.get("maxBatchDelay", 0)) or STOCK_DELAY if batch > 1 else 0,
    )


def server_settings(candidate: Candidate, reasons: Mapping[str, str]) -> list[Setting]:
    """For config.properties. `reasons` are by the names of the candidate's values."""
    return [Setting("default_workers_per_model", candidate.workers, reasons.get("workers", ""))]


def model_settings(candidate: Candidate, reasons: Mapping[str, str]) -> list[Setting]:
    """For the top of model-config.yaml. A delay is left out where nothing waits."""
    return [
        Setting("minWorkers", candidate.workers, reasons.get("workers", "")),
        Setting("maxWorkers", candidate.workers, ""),
        Setting("batchSize", candidate.batch, reasons.get("batch", "")),
        Setting("maxBatchDelay", candidate.delay or None, reasons.get("delay", "")),
    ]


def handler_settings(candidate: Candidate, reasons: Mapping[str, str]) -> list[Setting]:
    """For the `handler:` section of model-config.yaml."""
    return [
        Setting("threads", candidate.threads, reasons.get("threads", "")),
        Setting("precision", candidate.precision, reasons.get("precision", "")),
    ]
