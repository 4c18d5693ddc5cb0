"""Say what this machine has, and what that means for each profile.

make doctor [PROFILE=…] [JSON=1]

The exit status is 1 when something is in the way of the profile (the named one, or the one that suits the machine).
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from common.words import count
from kit import console, machine, profiles
from kit.doctor.findings import EVERYWHERE, SEVERITIES, Finding, examine, failed
from kit.doctor.looking import look

app = typer.Typer(help=__doc__, add_completion=False)
STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


@app.command(help=__doc__)
def doctor(
    profile: Annotated[
        str, typer.Option(envvar="PROFILE", help="The profile that has to be well; default: what suits the machine.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
) -> None:
    here = machine.detect()
    chosen = profiles.choose(profile, here)
    examined = [chosen, *(profiles.choose(name, here) for name in profiles.names() if name != chosen.name)]
    findings = examine(look(examined))
    bad = failed(findings, chosen.name)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        console.print_json({"ok": not bad, "profile": chosen.name, "reason": chosen.reason, "findings": rows})
    else:
        show(findings, chosen)
    sys.exit(1 if bad else 0)


def show(findings: list[Finding], chosen: profiles.Profile) -> None:
    for place in dict.fromkeys(finding.place for finding in findings):
        note = f" ({chosen.reason})" if place == chosen.name else ""
        console.out.print(
            f"\n[bold]{escape(place if place == EVERYWHERE else f'profile {place}')}[/bold]{escape(note)}"
        )
        for finding in findings:
            if finding.place == place:
                style = STYLES[finding.severity]
                console.out.print(
                    f"[{style}]{finding.severity:<7}[/{style}]  {finding.about:<10}  {escape(finding.message)}"
                )
                if finding.hint:
                    console.out.print(f"{'':21}[dim]→ {escape(finding.hint)}[/dim]")
    console.out.print(f"\n{summary(findings)}")


def summary(findings: list[Finding]) -> str:
    """`20 ok, 1 note, 2 warnings, 0 errors`"""
    numbers = {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
    ok = numbers.pop("ok")
    return ", ".join([f"{ok} ok", *(count(number, severity) for severity, number in numbers.items())])


if __name__ == "__main__":
    console.command(app)
