"""One model of a server, as it can be served: everything about it was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import KitError
from kit import golden
from kit.golden import Golden
from kit.machine import Machine
from kit.profiles import Profile
from kit.serving import preflight
from kit.serving.settings import ServerSettings
from kit.serving.state import ServedModel

DEFAULT_RESPONSE_TIMEOUT = 120
DEFAULT_QUEUE = 100  # TorchServe's own


@dataclass(frozen=True)
class ModelPlan:
    """`profile` is of this one model; `archive` what its archive.json says. `needs`: what its workers take."""

    profile: Profile
    archive: Mapping[str, Any]
    golden: Sequence[Golden]
    workers: int
    workers_why: str
    response_timeout: float
    needs: preflight.Workers
    batch: int = 1
    queue: int = DEFAULT_QUEUE

    @property
    def name(self) -> str:
        return str(self.archive["model_name"])

    @property
    def version(self) -> str:
        return str(self.archive["model_version"])

    @property
    def served(self) -> ServedModel:
        """What is remembered of it while it is served."""
        return ServedModel(
            name=self.name,
            version=self.version,
            archive_sha256=self.archive["sha256"],
            workers=self.workers,
            response_timeout=self.response_timeout,
        )

    @property
    def stored(self) -> str:
        return self.served.stored


def plan(profile: Profile, settings: ServerSettings, machine: Machine) -> ModelPlan:
    """Raises KitError with the first thing that is in the way of it."""
    config = profile.read_model_config()
    preflight.check_gpu(config, profile.name, machine)
    rebuild = f"make archive {profile.variables}"
    archive = preflight.check_archive(profile.build.archive_report, profile.build.folder, rebuild)
    if profile.model not in ("", archive["model_name"]):
        raise KitError(f"{profile.build.folder} holds a model called {archive['model_name']}, not {profile.model}", rebuild)
    workers, why = settings.workers(config, machine.cores, profile.gpus(machine))
    onnx = archive["provenance"]["runtime"] == "onnx"
    return ModelPlan(
        profile=profile,
        archive=archive,
        golden=golden.load(profile.build.golden, rebuild),
        workers=workers,
        workers_why=why,
        response_timeout=float(config.get("responseTimeout", DEFAULT_RESPONSE_TIMEOUT)),
        needs=preflight.Workers(workers, archive["size"], onnx, profile.threads(machine), profile.stock_worker),
        batch=batch(config),
        queue=queue(config),
    )


def batch(config: Mapping[str, object]) -> int:
    """Pictures that a worker takes at once, of model-config.yaml."""
    return _number(config, "batchSize", 1)


def queue(config: Mapping[str, object]) -> int:
    """Requests that TorchServe lets wait, of model-config.yaml."""
    return _number(config, "jobQueueSize", DEFAULT_QUEUE)


def _number(config: Mapping[str, object], key: str, default: int) -> int:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else default
