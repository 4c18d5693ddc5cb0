"""The certificate that this machine's gateway shows, renewed when it is due.

make certificates [PROFILE=…]
"""

from __future__ import annotations

import typer

from common.gateway import nginx_files
from kit import console, machine, profiles
from kit.gateway import nginx
from kit.gateway.own_certificate import own_certificate
from kit.serving import state
from kit.serving.launch import RunFolder
from scripts import options

app = typer.Typer(help=__doc__, add_completion=False)


@app.command()
def main(
    profile: options.Profile = "",
    certificate: options.Certificate = "",
    private_key: options.PrivateKey = "",
) -> None:
    """Renew the certificate when it is due, and have a running gateway show it: no request is lost."""
    pair, trust = own_certificate(certificate, private_key)
    facts = {"for": ", ".join(pair.names), "ends": f"{pair.ends:%Y-%m-%d}"}
    if trust:
        facts["clients trust"] = console.shown_path(trust)
    console.facts(facts)
    run = RunFolder(profiles.choose(profile, machine.detect()).build.run)
    server = state.running(run)
    gateway = server.gateway_process() if server else None
    if gateway and nginx_files.show(run.gateway, pair):
        nginx.reload(run.gateway, gateway)
        console.step("the running gateway shows it to new connections")


if __name__ == "__main__":
    console.command(app)
