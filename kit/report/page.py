"""A report as one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import Any

from common.watch.record.reading import Event
from common.watch.watcher import SWITCHED
from kit.bench.report.page import STYLE
from kit.report import plots
from kit.report.document import moment
from kit.report.sparklines import sparkline

MORE_STYLE = """
.plots { grid-template-columns: repeat(auto-fit, minmax(32rem, 1fr)); margin-top: 1rem; }
.facts { display: flex; flex-wrap: wrap; gap: 1.6rem; margin: 1.2rem 0 0; padding: 0; }
.facts div { display: flex; flex-direction: column-reverse; }
.facts dt { color: #5f666e; font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.bad { color: #b3261e; font-weight: 600; }
.boxes th, .boxes td { text-align: left; }
td.box { white-space: normal; min-width: 9rem; max-width: 15rem; font-weight: 600; }
td.box .bad { display: block; font-size: .82rem; font-weight: 400; }
td.drawn div { display: flex; align-items: center; gap: .5rem; }
td.drawn span { min-width: 3.6rem; }
svg.spark { flex: none; }
summary { cursor: pointer; font-weight: 600; margin-top: 1.4rem; }
"""
# Of a fleet, those that are drawn whole: a page of forty would be ten megabytes.
DRAWN = 6
COLUMNS = {  # of a fleet's table: what is drawn, its title, and how it is written
    "requests_per_minute": ("requests a minute", "{:,.1f}"),
    "error_percent": ("errors", "{:.2f} %"),
    "p99_ms": ("p99", "{:,.0f} ms"),
    "confidence_p50": ("confidence", "{:.2f}"),
    "server_memory_mb": ("memory", "{:,.0f} MB"),
}


def page(document: dict[str, Any], title: str) -> str:
    """`title`: what it is a report of."""
    servers = document["servers"]
    body = _fleet(document) if len(servers) > 1 else ""
    recorded = [server for server in servers if server["summary"]["last"] is not None]
    for place, server in enumerate(recorded[:DRAWN]):
        opened = " open" if place == 0 else ""
        drawn = _server(server, document["step_seconds"])
        body += drawn if len(servers) == 1 else f"<details{opened}><summary>{_name(server)}</summary>{drawn}</details>"
    if left := [server["name"] for server in recorded[DRAWN:]]:
        words = f"Not drawn whole, since they give less cause: {escape(', '.join(left))}."
        body += f'<p class="note">{words} HOSTS= draws one.</p>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{STYLE}{MORE_STYLE}</style>
</head>
<body>
<h1>{escape(sentence(document, title))}</h1>
<p class="about">{moment(document["since"])} to {moment(document["until"])} UTC; each point stands for
{_span(document["step_seconds"])}.</p>
{body}
<footer><h2>How to read it</h2>
<p>Errors are answers that a client could not use and has no fault in: 429, 503 and 5xx. Refused ones are the client's:
no picture, a damaged one, no key. Percentiles are read from bins, by a straight line within each.</p>
<p>An orange mark, or a blue line with a name, is a release; a dotted line a start or a stop; a red triangle a worker
that died. A gap is time in which nothing was recorded, or
nothing asked.</p>
</footer>
</body>
</html>
"""


def sentence(document: dict[str, Any], title: str) -> str:
    """What a reader takes away, of the whole."""
    rows = [server["summary"] for server in document["servers"]]
    requests = sum(row["requests"] for row in rows)
    failed = sum(row["failed"] + row["busy"] for row in rows)
    silent = sum(one["summary"]["last"] is None or one["silent_seconds"] > 0 for one in document["servers"])
    words = f"{title}: {requests:,} requests"
    if requests:
        words += f", {100 * failed / requests:.2f} % failed"
    slow = [row["p99_ms"] for row in rows if row["p99_ms"] is not None]
    words += f", p99 {max(slow):,.0f} ms" if len(slow) == 1 else f", p99 {max(slow):,.0f} ms at worst" if slow else ""
    return words + (f"; {silent} of {len(rows)} silent" if silent and len(rows) > 1 else "")


def _fleet(document: dict[str, Any]) -> str:
    """A row for each box, the worst first: what it did as small lines, all of a column by one scale."""
    servers, span = document["servers"], document["until"] - document["since"]
    lines = [[_with_percent(row) for row in server["lines"]] for server in servers]
    most = {key: max((row.get(key) or 0.0 for drawn in lines for row in drawn), default=0.0) for key in COLUMNS}
    head = "".join(f"<th>{title}</th>" for title, _ in COLUMNS.values())
    rows = ""
    for server, drawn in zip(servers, lines, strict=True):
        marks = [(one["at"] - document["since"]) / span for one in server["events"] if one["what"] == SWITCHED]
        whole = _with_percent(server["summary"])
        cells = ""
        for key, (_, form) in COLUMNS.items():
            line = sparkline([row.get(key) for row in drawn], most[key], marks)
            figure = form.format(whole[key]) if whole.get(key) is not None else "–"
            cells += f'<td class="drawn"><div>{line}<span>{figure}</span></div></td>'
        who = f'<td class="box">{_name(server)}{_state(server)}</td><td>{escape(server["release"])}</td>'
        rows += f"<tr>{who}{cells}</tr>"
    table = f"<table><thead><tr><th>box</th><th>release</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>Boxes, the worst first</h2><div class="wide boxes">{table}</div>'


def _with_percent(row: dict[str, Any]) -> dict[str, Any]:
    ratio = row.get("error_ratio")
    return row | {"error_percent": None if ratio is None else 100 * ratio}


def _state(server: dict[str, Any]) -> str:
    """What is wrong with it at first sight, "" where nothing is."""
    summary, words = server["summary"], []
    if server["error"]:
        words.append(server["error"])
    if summary["last"] is None:
        words.append("nothing recorded")
    elif server["silent_seconds"]:
        words.append(f"silent for {_span(server['silent_seconds'])}")
    words += server["alerts"]
    if summary["drifts"] and not any(alert.startswith("VisionDrift") for alert in server["alerts"]):
        words.append(f"drift: {summary['drifts'][-1]}")
    if summary["worker_deaths"]:
        words.append(f"{summary['worker_deaths']} workers died")
    if summary["throttled_minutes"]:
        words.append(f"slowed down for {summary['throttled_minutes']} min")
    return f'<span class="bad">{escape("; ".join(words))}</span>' if words else ""


def _name(server: dict[str, Any]) -> str:
    return escape(server["name"])


def _server(server: dict[str, Any], step: int) -> str:
    summary = server["summary"]
    facts = {
        "release": server["release"] or "–",
        "requests": f"{summary['requests']:,}",
        "errors": f"{100 * (summary['error_ratio'] or 0):.2f} %",
        "p50": _ms(summary["p50_ms"]),
        "p95": _ms(summary["p95_ms"]),
        "p99": _ms(summary["p99_ms"]),
        "starts": str(summary["starts"]),
        "most memory": f"{summary['most_server_memory_mb']:,} MB",
    }
    if summary["most_temperature_c"]:
        facts["hottest"] = f"{summary['most_temperature_c']} °C"
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>" for name, words in facts.items())
    events = [Event(**one) for one in server["events"]]
    drawn = "\n".join(f"<figure>{svg}</figure>" for svg in plots.panels(server["lines"], events, step))
    refused = "".join(f"<li>{count:,} × {escape(why)}</li>" for why, count in _most(summary["refusals"]))
    happened = "".join(f"<li>{moment(one.at)} {escape(one.what)} {escape(one.detail)}</li>" for one in reversed(events))
    return (
        f'<p>{_state(server)}</p><dl class="facts">{listed}</dl><div class="plots">{drawn}</div>'
        + (f"<h2>Refused</h2><ul>{refused}</ul>" if refused else "")
        + (f"<h2>What happened</h2><ul>{happened}</ul>" if happened else "")
    )


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: -one[1])


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _span(seconds: float) -> str:
    """In the largest unit that leaves it a whole number or two digits."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} seconds"
