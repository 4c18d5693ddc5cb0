"""What people read of a fleet."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kit import console
from kit.fleet.host.survey import Answer
from kit.fleet.rollout.history import Run
from kit.fleet.rollout.wave_engine import Wave
from kit.fleet.ssh.words import moment
from kit.fleet.view.checks import FleetFinding
from kit.fleet.view.report import megabytes

CLOCK_SECONDS = 60.0  # as the alert of that name in config/monitoring/rules has it
SOON_DAYS = 30  # a deployment renews one long before: nobody looked after this one
STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


def status(answers: Sequence[Answer]) -> RenderableType:
    """A table of the boxes that answered, and below it those that did not."""
    shown = console.table(
        *("box", "release", "version", "ready", "answers", "gateway", "memory", "disk free", "last activation"),
        right=("memory", "disk free"),
    )
    for answer in answers:
        said = answer.said
        if answer.error:
            continue
        trial = " (on trial)" if said.get("on_trial") else ""
        shown.add_row(
            answer.box,
            escape(f"{said.get('release') or '–'}{trial}"),
            escape(str(said.get("version") or "–")),
            yes(said.get("ready")),
            yes(said.get("answers")),
            gateway(said.get("gateway"), time.time()),
            f"{said.get('memory_mb') or 0:,.0f} MB",
            f"{said.get('disk_free_mb') or 0:,.0f} MB",
            escape(last_activation(said.get("last_activation") or {})),
        )
    answered = any(not answer.error for answer in answers)
    lines = [line for answer in answers for line in troubles(answer)]
    seen = [Text(sentence, style="bold red") for sentence in alerts(answers, time.time())]
    return Group(*([shown] if answered else []), *lines, *seen)


def alerts(answers: Sequence[Answer], now: float) -> Iterator[str]:
    """What each box has noticed of itself (common/watch/conditions.py), and what only its fleet and this workstation's
    clock, `now`, can tell."""
    releases = Counter(answer.said.get("release") for answer in answers if answer.said.get("release"))
    most = releases.most_common(1)[0][0] if releases else None
    for answer in answers:
        said = answer.said
        for name, words in (said.get("alerts") or {}).items():
            yield f"{answer.box}: {name}: {words}"
        if abs(off := float(said.get("at") or now) - now) > CLOCK_SECONDS:
            yield f"{answer.box}: VisionClockOff: its clock is {abs(off):,.0f} s {'ahead' if off > 0 else 'behind'}"
        if (release := said.get("release")) and release != most and not said.get("on_trial"):
            yield f"{answer.box}: VisionWrongRelease: {release}, where most of its fleet run {most}"


def troubles(answer: Answer) -> Iterator[Text]:
    """Why it does not answer, or cannot be asked, and what is damaged."""
    if answer.error:
        unknown = "" if answer.error.startswith("unknown") else "unknown: "
        yield Text(f"{answer.box}: {unknown}{answer.error}", style="bold red")
    elif not answer.said.get("answers"):
        yield Text(
            f"{answer.box} does not answer: {answer.said.get('why_not') or 'it does not say why'}", style="bold red"
        )
    elif why := (answer.said.get("gateway") or {}).get("why_not"):
        yield Text(f"{answer.box}: its gateway is not ready: {why}", style="bold red")
    if why := answer.said.get("disk_why"):
        yield Text(f"{answer.box}: {why}", style="bold red")
    damaged = answer.said.get("damaged")
    for sentence in damaged if isinstance(damaged, list) else ():
        yield Text(f"{answer.box}, damaged: {sentence} (the next deployment puts it right)", style="yellow")


def gateway(said: Mapping[str, Any] | None, now: float) -> str:
    """Whether clients reach it, and until when its certificate lets them, by this workstation's clock."""
    if not said:
        return "–"
    ends = (said.get("certificate") or {}).get("ends")
    if not said.get("ready") or ends is None:
        return yes(said.get("ready"))
    days = int((float(ends) - now) / 86400)
    return f"{yes(True)}, {days} days" if days > SOON_DAYS else f"[bold red]{days} days left[/bold red]"


def yes(well: Any) -> str:
    return "[green]yes[/green]" if well else "[bold red]NO[/bold red]"


def last_activation(said: Mapping[str, Any]) -> str:
    """When it was and what came of it."""
    if not said:
        return "–"
    at = moment(said.get("at"), "%m-%d %H:%M")
    if said.get("ended") is None:
        return f"{at} under way: {said.get('step')}"
    return f"{at} {'well' if said.get('ok') else said.get('error') or 'failed'}"


def plan(waves: Sequence[Wave], plans: Sequence[Answer]) -> Table:
    shown = console.table("wave", "box", "how", "sends", "runtime", "why", right=("sends",))
    by_box = {answer.box: answer for answer in plans}
    for wave in waves:
        for box in wave.boxes:
            said, error = by_box[box].said, by_box[box].error
            if error:
                shown.add_row(wave.name, box, "[bold red]no[/bold red]", "", "", escape(error))
            else:
                sends = megabytes(int(said["bytes"])) if "bytes" in said else ""
                cells = (str(said.get("how", "")), sends, str(said.get("runtime", "")), str(said.get("why", "")))
                shown.add_row(wave.name, box, *map(escape, cells))
    return shown


def history(runs: Sequence[Run]) -> Table:
    shown = console.table("when", "who", "what", "release", "result")
    for entry in runs:
        shown.add_row(*map(escape, (entry.at, entry.who, entry.what, entry.release, entry.result)))
    return shown


def show_logs(answers: Sequence[Answer]) -> None:
    """Each line with its box before it, so that it can be searched."""
    width = max(len(answer.box) for answer in answers)
    for answer in answers:
        for line in [answer.error] if answer.error else answer.said.get("lines") or ():
            console.out.print(f"[bold]{answer.box:<{width}}[/bold]  {escape(str(line))}")


def show_findings(findings: Sequence[FleetFinding]) -> None:
    for place in dict.fromkeys(finding.place for finding in findings):
        console.out.print(f"\n[bold]{escape(place)}[/bold]")
        for finding in findings:
            if finding.place == place:
                style = STYLES[finding.severity]
                console.out.print(f"[{style}]{finding.severity:<7}[/{style}]  {escape(finding.message)}")
                if finding.hint:
                    console.out.print(f"         [dim]→ {escape(finding.hint)}[/dim]")
