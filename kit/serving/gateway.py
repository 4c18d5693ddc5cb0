"""The gateway in front of a server of this machine, when one is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import psutil

from common.errors import KitError, UsageError
from common.gateway import address
from kit.gateway import nginx, planning, proving
from kit.gateway.planning import Behind, GatewayPlan, Wanted
from kit.serving import preflight, state
from kit.serving.lifecycle import ServerPlan
from kit.serving.settings import Listener
from kit.serving.state import ServerState

DEFAULT_QUEUE = 100  # TorchServe's own


def plan(wanted: Wanted, server: ServerPlan, cores: int) -> GatewayPlan | None:
    """None unless `wanted`, or the profile's `gateway_address`, names one. Raises UsageError or KitError."""
    settings = server.settings
    where = address.parse(wanted.address or settings.values.get(address.KEY, ""))
    if not where:
        return None
    for listener in (settings.inference, settings.management):
        if listener.unix_path:
            raise UsageError(
                f"{listener.key} is a socket file, and the gateway asks TorchServe over a port",
                "http://127.0.0.1:8080, which no other machine reaches",
            )
    config = server.profile.read_model_config()
    behind = Behind(
        upstream=f"{settings.inference.host}:{settings.inference.port}",
        inference=settings.inference.url,
        management=settings.management.url,
        metrics=server.run.metrics_socket,
        model=server.archive["model_name"],
        tokens=server.run.keys,
        golden=server.profile.build.golden,
        workers=server.workers,
        batch=batch(config),
        queue=queue(config),
        body_bytes=settings.body_bytes,
        response_timeout=server.response_timeout,
        about=about(server.archive)
        | {"signature": "none: built on this machine", "serving since": time.strftime("%Y-%m-%d %H:%M")},
    )
    planned = planning.plan(where, wanted, server.run.gateway, behind, cores)
    if not preflight.is_free(Listener(address.KEY, where.host, where.port)):
        raise KitError(
            f"port {where.port} (GATEWAY) is taken by {preflight.owner_of(where.port)}",
            "stop that program, or name another: GATEWAY=<address>:<port>",
        )
    return planned


def about(archive: Mapping[str, Any]) -> dict[str, str]:
    """What an archive's report says of its model, for people."""
    made, measured = archive["provenance"], archive["provenance"].get("measured", {})
    facts = {"precision": f"{made['precision']}, for {made['runtime']}"}
    if (accuracy := measured.get("top1_accuracy")) is not None:
        facts["accuracy"] = f"{accuracy:.1%} top-1 on {measured['pictures']} pictures"
    if (agreement := measured.get("top1_agreement")) is not None:
        facts["as the original"] = f"{agreement:.1%} have the same first answer"
    return facts | {"archive": f"sha256 {archive['sha256'][:16]}…"}


def batch(config: Mapping[str, object]) -> int:
    """Pictures that a worker takes at once, of model-config.yaml."""
    return _number(config, "batchSize", 1)


def queue(config: Mapping[str, object]) -> int:
    """Requests that TorchServe lets wait, of model-config.yaml."""
    return _number(config, "jobQueueSize", DEFAULT_QUEUE)


def _number(config: Mapping[str, object], key: str, default: int) -> int:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else default


def start(
    wanted: GatewayPlan, server: ServerPlan, running: ServerState, progress: Callable[[str], None]
) -> ServerState:
    """The server's state with its gateway, which has answered rightly. Raises KitError."""
    process = proving.start(wanted, server.golden[0], progress)
    started = psutil.Process(process.pid)
    created = started.create_time()
    with_gateway = replace(running, gateway=wanted.url, gateway_pid=process.pid, gateway_created=created)
    try:
        state.save(server.run, with_gateway)
    except OSError:
        nginx.stop(started, 0)
        raise
    return with_gateway
