"""nginx.conf of a gateway, as text. All that is the same on every machine is in config/nginx, which it includes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CERTIFICATE, PRIVATE_KEY, CLIENT_CA = "certificate.pem", "certificate.key", "client-ca.pem"
LOGS = "logs"
COUNTS = f"{LOGS}/counts.json"  # what the gateway has counted, for who records it
MOST_PROCESSES = 2  # of nginx's
METRICS = "metrics.sock"  # leads to the socket of who watches the server
# What nginx's processes write into: on a box, all that is theirs.
WRITTEN = (LOGS, "uploads", "answers")


@dataclass(frozen=True)
class Gateway:
    """`listen`: `host:port`, IPv6 in brackets. `upstream`: TorchServe's `host:port`, or `unix:/path`. `in_flight`: how
    many requests of each model it may have at a time; the next is told to come again. `body_bytes`: the largest request
    taken. `seconds`: how long TorchServe may think. `user`: whom nginx's processes run as, where root starts it."""

    listen: str
    tls: bool
    client_ca: bool
    upstream: str
    in_flight: Mapping[str, int]
    body_bytes: int
    seconds: float
    processes: int
    user: str = ""


def render(gateway: Gateway) -> str:
    """Every path in it is relative to the folder it lies in, so none has to be quoted."""
    user = f"user {gateway.user};\n" if gateway.user else ""
    return f"""# Written at each start. What is the same on every machine is included, and comes from config/nginx.
{user}worker_processes {gateway.processes};
worker_shutdown_timeout {gateway.seconds:.0f}s;
worker_rlimit_nofile 16384;
daemon off;
pid {LOGS}/nginx.pid;
# A client's mistakes are in the access log; here is what stops the gateway.
error_log {LOGS}/error.log crit;
events {{ worker_connections 8192; }}
http {{
    js_path js/;
    include http.conf;
    access_log {LOGS}/access.log json buffer=16k flush=1s;
    client_max_body_size {gateway.body_bytes};
    proxy_read_timeout {gateway.seconds + 5:.0f}s;
    proxy_send_timeout {gateway.seconds + 5:.0f}s;
    # Of each model so many in flight that every worker is busy and none waits long; the next client hears at once to
    # come again, and those of the other models are not held up.
{_models(gateway)}    upstream watch {{ server unix:{METRICS}; }}
    server {{
        listen {gateway.listen}{" ssl" if gateway.tls else ""} backlog=1024;
        http2 on;
{_tls(gateway)}        include locations.conf;
    }}
}}
"""


def _models(gateway: Gateway) -> str:
    """A model that nobody knows is for TorchServe to refuse. The first one's upstream has the name that older releases'
    locations know, which ask of no model's name."""
    names = {
        model: f"torchserve_{number}" if number else "torchserve" for number, model in enumerate(gateway.in_flight)
    }
    blocks = [
        f"    upstream {names[model]} {{\n        zone {names[model]} 64k;\n"
        f"        server {gateway.upstream} max_conns={requests} max_fails=0;\n        keepalive {requests};\n    }}\n"
        for model, requests in gateway.in_flight.items()
    ]
    # A backslash before it makes a word that map knows, like "default", a name.
    others = [f' "\\\\{model}" {name};' for model, name in names.items()][1:]
    asked = "$asked_model" if others else "$host"
    return f"{''.join(blocks)}    map {asked} $torchserve {{ default torchserve;{''.join(others)} }}\n"


def _tls(gateway: Gateway) -> str:
    if not gateway.tls:
        return ""
    lines = [
        f"ssl_certificate {CERTIFICATE};",
        f"ssl_certificate_key {PRIVATE_KEY};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_session_cache shared:tls:2m;",
    ]
    if gateway.client_ca:
        # Optional: a request may come with a key instead.
        lines += [f"ssl_client_certificate {CLIENT_CA};", "ssl_verify_client optional;"]
    return "".join(f"        {line}\n" for line in lines)
