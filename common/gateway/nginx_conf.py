"""nginx.conf of a gateway, as text. All that is the same on every machine is in config/nginx, which it includes."""

from __future__ import annotations

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
    many requests it may have at a time; the next is told to come again. `body_bytes`: the largest request taken.
    `seconds`: how long TorchServe may think. `user`: whom nginx's processes run as, where root starts it."""

    listen: str
    tls: bool
    client_ca: bool
    upstream: str
    in_flight: int
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
    upstream torchserve {{
        zone torchserve 64k;
        # So many in flight that every worker is busy and none waits long; the next client hears at once to come again.
        server {gateway.upstream} max_conns={gateway.in_flight} max_fails=0;
        keepalive {gateway.in_flight};
    }}
    upstream watch {{ server unix:{METRICS}; }}
    server {{
        listen {gateway.listen}{" ssl" if gateway.tls else ""} backlog=1024;
        http2 on;
{_tls(gateway)}        include locations.conf;
    }}
}}
"""


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
