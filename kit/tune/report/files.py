"""The result as files: report.html with the plots in it, report.json, and the tuned profile."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kit.files import write_json, write_text
from kit.profiles import MODEL_CONFIG, PROPERTIES, SECTION, Profile
from kit.tune.report import plots, table
from kit.tune.report.conclusion import Conclusion
from kit.tune.search.candidate import Candidate, Outcome
from kit.tune.trial import profile_settings
from kit.tune.trial.settings_files import in_properties, in_yaml

HTML, JSON = "report.html", "report.json"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }
h1 { font-size: 1.3em } .lead { font-size: 1.15em; border-left: 4px solid #0072B2; padding-left: .8em }
.lead.bad { border-color: #D55E00 } img { max-width: 100% } dt { font-weight: 600 } dd { margin: 0 0 .5em 1.5em }
table { border-collapse: collapse; font-size: .87em; font-variant-numeric: tabular-nums }
th, td { padding: .2em .6em; text-align: right; border-bottom: 1px solid #ddd } .text { text-align: left }
tr.mark { font-weight: 600; background: #eef6fb }
"""


def write(
    conclusion: Conclusion,
    history: Sequence[tuple[Candidate, Outcome]],
    facts: Mapping[str, str],
    base: Profile,
    folder: Path,
) -> None:
    """Everything into `folder`. `facts` says on what and how it was measured.

    The profile is written only when it meets the limits; one of an earlier run is removed otherwise, so that
    nobody serves by it.
    """
    pictures = [plots.png(plots.landscape(conclusion)), plots.png(plots.course(history, conclusion.goal))]
    write_json(folder / JSON, {**conclusion.document(), **facts})
    write_text(folder / HTML, page(conclusion, facts, pictures))
    for name, text in profile_files(conclusion, base).items():
        if conclusion.feasible:
            write_text(folder / name, text)
        else:
            (folder / name).unlink(missing_ok=True)


def profile_files(conclusion: Conclusion, base: Profile) -> dict[str, str]:
    """The base profile's two files with the chosen values, the reason above each."""
    chosen, reasons = conclusion.chosen.candidate, conclusion.reasons
    title = f"Tuned by `make tune` for {conclusion.goal.words}. {conclusion.sentence}"
    return {
        PROPERTIES: in_properties(
            base.properties.read_text(encoding="utf-8"), title, profile_settings.server_settings(chosen, reasons)
        ),
        MODEL_CONFIG: in_yaml(
            base.model_config.read_text(encoding="utf-8"),
            title,
            profile_settings.model_settings(chosen, reasons),
            SECTION,
            profile_settings.handler_settings(chosen, reasons),
        ),
    }


def page(conclusion: Conclusion, facts: Mapping[str, str], pictures: Sequence[bytes]) -> str:
    """One HTML file that needs no other."""
    images = "".join(
        f'<p><img alt="" src="data:image/png;base64,{base64.b64encode(one).decode()}"></p>' for one in pictures
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>make tune</title><style>{STYLE}</style>'
        f"<h1>Tuned for {_text(conclusion.goal.words)}</h1>"
        f'<p class="lead{"" if conclusion.feasible else " bad"}">{_text(conclusion.sentence)}</p>'
        f"<h2>Why these values</h2>{_definitions(_values(conclusion))}"
        f"{images}<h2>All that was measured, the best first</h2>{_table(conclusion)}"
        f"<p>{_text(table.LEGEND)}; of more than one run the mean is shown. Differences below "
        f"{conclusion.noise:.0%} are noise: that much two measurements of the default differed, or 2 % where they "
        f"happened to agree.</p><h2>On what and how</h2>{_definitions(facts)}</html>\n"
    )


def _values(conclusion: Conclusion) -> dict[str, str]:
    chosen: dict[str, Any] = conclusion.document()["chosen"]
    shown = [
        name for name in ("precision", "workers", "threads", "batch", "delay") if chosen["batch"] > 1 or name != "delay"
    ]
    return {f"{name} = {chosen[name]}": conclusion.reasons[name] for name in shown}


def _definitions(rows: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rows.items()) + "</dl>"


def _table(conclusion: Conclusion) -> str:
    kinds = ["" if name in table.FIGURES else ' class="text"' for name in table.COLUMNS]
    head = "".join(f"<th{kind}>{_text(name)}</th>" for name, kind in zip(table.COLUMNS, kinds, strict=True))
    body = ""
    for result in conclusion.ranked:
        row = table.cells(conclusion, result)
        mark = ' class="mark"' if row[0] else ""
        body += (
            f"<tr{mark}>"
            + "".join(f"<td{kind}>{_text(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
            + "</tr>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: str) -> str:
    return html.escape(value)
