"""The gateway in front of a server of this machine, when one is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import psutil

from common.errors import KitError, UsageError
from common.gateway import address
from kit.gateway import nginx, planning, proving
from kit.gateway.planning import Behind, BehindModel, GatewayPlan, Wanted
from kit.serving import preflight, state
from kit.serving.lifecycle import ServerPlan
from kit.serving.models.plan import ModelPlan
from kit.serving.settings import Listener
from kit.serving.state import ServerState


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
    behind = Behind(
        upstream=f"{settings.inference.host}:{settings.inference.port}",
        inference=settings.inference.url,
        management=settings.management.url,
        metrics=server.run.metrics_socket,
        models=[_behind(one) for one in server.models],
        tokens=server.run.keys,
        body_bytes=settings.body_bytes,
        response_timeout=max(one.response_timeout for one in server.models),
        about={"signature": "none: built on this machine", "serving since": time.strftime("%Y-%m-%d %H:%M")},
    )
    return planning.plan(where, wanted, server.run.gateway, behind, cores)


def check_port(wanted: GatewayPlan) -> None:
    """Raises KitError when something else has its port."""
    where = wanted.address
    if not preflight.is_free(Listener(address.KEY, where.host, where.port)):
        raise KitError(
            f"port {where.port} (GATEWAY) is taken by {preflight.owner_of(where.port)}",
            "stop that program, or name another: GATEWAY=<address>:<port>",
        )


def _behind(model: ModelPlan) -> BehindModel:
    requests = planning.in_flight(model.workers, model.batch, model.queue)
    return BehindModel(model.name, requests, model.profile.build.golden, about(model.archive))


def about(archive: Mapping[str, Any]) -> dict[str, str]:
    """What an archive's report says of its model, for people."""
    made, measured = archive["provenance"], archive["provenance"].get("measured", {})
    facts = {"precision": f"{made['precision']}, for {made['runtime']}"}
    if (accuracy := measured.get("top1_accuracy")) is not None:
        facts["accuracy"] = f"{accuracy:.1%} top-1 on {measured['pictures']} pictures"
    if (agreement := measured.get("top1_agreement")) is not None:
        facts["as the original"] = f"{agreement:.1%} have the same first answer"
    return facts | {"archive": f"sha256 {archive['sha256'][:16]}…"}


def start(
    wanted: GatewayPlan, asked: Wanted, server: ServerPlan, running: ServerState, progress: Callable[[str], None]
) -> ServerState:
    """The server's state with its gateway, which has answered rightly. Raises KitError."""
    process = proving.start(wanted, {one.name: one.golden[0] for one in server.models}, progress)
    started = psutil.Process(process.pid)
    with_gateway = replace(
        running,
        gateway=wanted.url,
        gateway_pid=process.pid,
        gateway_created=started.create_time(),
        gateway_wanted=asdict(asked),
    )
    try:
        state.save(server.run, with_gateway)
    except OSError:
        nginx.stop(started, 0)
        raise
    return with_gateway


def follow(server: ServerPlan, running: ServerState, cores: int, say: Callable[[str], None]) -> None:
    """The gateway of a running server lets clients ask for the models that it serves now. Raises KitError when it does
    not; then its settings are the old ones."""
    process = running.gateway_process()
    wanted = plan(Wanted(**running.gateway_wanted), server, cores) if process else None
    if not process or not wanted:
        return
    say("the gateway takes its new settings")
    proving.renew(wanted, process, [model.name for model in server.models])
