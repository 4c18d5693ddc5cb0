"""The HTML report: one file that needs nothing else, from a run's JSON document."""

from __future__ import annotations

from html import escape
from typing import Any

from kit.bench.report.plots import plots
from kit.bench.report.tables import Table, tables

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.5rem 4rem; background: #fff; color: #23272c;
       font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.45rem; line-height: 1.35; font-weight: 650; max-width: 56rem; margin: 0 0 .6rem; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .5rem; }
p, li { max-width: 60rem; }
.about { color: #5f666e; margin: 0 0 .2rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1.2rem; margin: 2rem 0 0; }
.plots figure { margin: 0; padding: .8rem; border: 1px solid #e6e8eb; border-radius: 8px; }
.plots svg { width: 100%; height: auto; display: block; font-family: inherit; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .94rem; }
th, td { padding: .38rem .9rem .38rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e6e8eb; }
th { color: #5f666e; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.note, footer { color: #5f666e; font-size: .9rem; }
footer { margin-top: 3rem; }
"""


def page(document: dict[str, Any], clients: int) -> str:
    """`clients` is the load that servers are compared under."""
    drawn = "\n".join(f"<figure>{svg}</figure>" for svg in plots(document, clients))
    tabled = "\n".join(_table(table) for table in tables(document))
    about = "".join(f'<p class="about">{escape(line)}</p>' for line in setting(document))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Bench of {escape(document["model"])}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(document["sentence"])}</h1>
{about}
<div class="plots">
{drawn}
</div>
{tabled}
<footer><h2>How it was measured</h2>
{"".join(f"<p>{escape(line)}</p>" for line in method(document))}
</footer>
</body>
</html>
"""


def setting(document: dict[str, Any]) -> list[str]:
    """What was measured on what, a line each."""
    machine, settings = document["machine"], document["settings"]
    return [
        f"{document['model']}, profile {document['profile']}, at {document['url']}; "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 1e9:.0f} GB; {document['date']}",
        f"Pictures: {document['pictures']['description']}",
        f"{settings['repeats']} repeats of {settings['seconds']:g} s for each load, after "
        f"{settings['warm_up']:g} s that do not count",
    ]


def method(document: dict[str, Any]) -> list[str]:
    """What a reader has to know to trust the figures, or not to."""
    most = max(row["generator_core_percent"]["value"] for row in document["loads"])
    return [
        f"The load came from a process of its own on the same machine, which with what counts here took at most "
        f"{most:.1f} % of one core. Servers and the plain processes had their turns one after the other within each "
        f"repeat; who waited was idle.",
        "Closed loop: each client sends its next picture when it has its answer. Open loop: requests come at random "
        "moments at a fixed rate, half and 0.8 of what the server's best closed loop gave, and latency counts from the "
        "moment a request was due, not from when it could be sent.",
        "An answer is right when it is HTTP 200 with a label. Percentiles are of all samples of all repeats; ± and "
        "ranges are the repeats' own. A ratio is the median of the repeats' paired ratios. Cores: processor time of "
        "all the server's processes over the time that passed.",
    ]


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escape(table.title)}</h2><div class="wide">{shown}</div>{notes}'
