"""python -m benchmarks.autoscaling measure URL HEADER_FILE
   python -m benchmarks.autoscaling [PICTURE]

The first asks a running server the validation pictures one after another and keeps what each took of its worker
(Server-Timing: decode and network). The second simulates pods under three loads with these times, for several targets
of the autoscaler; prints a table for docs/kubernetes.md, and draws PICTURE (an .svg).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.autoscaling.curves import CURVES
from benchmarks.autoscaling.simulation import Pods, Result, simulate
from kit.build import PROJECT
from kit.client.elsewhere import read_headers
from kit.gateway.planning import in_flight
from kit.report.plots import SHARES, STYLE

TIMES = Path(__file__).with_name("service_times.json")
PICTURES = PROJECT / "models/resnet18-grocery43/validation"
WORKERS, QUEUE = 2, 100
PODS = Pods(WORKERS, in_flight(WORKERS, 1, QUEUE), start_seconds=20.0, least=2, most=40)
PEAK_PODS = 6.0  # how many would be busy all the time at the peak
TARGETS = (0.3, 0.5, 0.7, 0.9, 1.2, 2.0)  # requests in flight for each worker
CHOSEN = 0.9  # the most at which neither ramp nor day miss anything


def measure(url: str, header: str) -> None:
    found = []
    with httpx.Client(headers=read_headers("HEADER_FILE", header), trust_env=False, timeout=30) as client:
        for picture in sorted(PICTURES.glob("*/*.jpg")):
            told = client.post(url, content=picture.read_bytes()).raise_for_status().headers["Server-Timing"]
            found.append(round(sum(float(spent) for spent in re.findall(r"dur=([\d.]+)", told)) / 1000, 5))
    TIMES.write_text(json.dumps(found) + "\n", encoding="utf-8")


def run() -> Mapping[tuple[str, float], Result]:
    times = json.loads(TIMES.read_text(encoding="utf-8"))
    peak = PEAK_PODS * WORKERS / (sum(times) / len(times))
    return {
        (name, target): simulate(
            lambda at, share=curve.share: peak * share(at),  # type: ignore[misc]
            *(peak, curve.duration, times, PODS, target * WORKERS, 7),
        )
        for name, curve in CURVES.items()
        for target in TARGETS
    }


def table(results: Mapping[tuple[str, float], Result]) -> str:
    lines = ["| in flight for each worker |" + "".join(f" {name}: missed, pods for each busy one |" for name in CURVES)]
    lines.append("|---:|" + "---:|" * len(CURVES))
    for target in TARGETS:
        cells = [_cell(results[name, target]) for name in CURVES]
        lines.append(f"| {target} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(result: Result) -> str:
    return f"{result.missed:.2%}, {result.pod_seconds / (result.busy / WORKERS):.2f}"


def draw(results: Mapping[tuple[str, float], Result], file: Path) -> None:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.2), layout="constrained")
        for axes, (name, curve) in zip(figure.subplots(1, len(CURVES), sharey=True), CURVES.items(), strict=True):
            seconds = [at for at, _ in results[name, CHOSEN].replicas]
            axes.fill_between(
                [at / 60 for at in seconds],
                [PEAK_PODS * curve.share(at) for at in seconds],
                color=SHARES[-1],
                alpha=0.5,
                lw=0,
                label="pods that would be busy",
            )
            for color, target in zip(SHARES, (0.3, CHOSEN, 2.0), strict=False):
                shown = results[name, target]
                label = f"target {target}: {shown.missed:.1%} missed"
                axes.step([at / 60 for at in seconds], [pods for _, pods in shown.replicas], color=color, label=label)
            axes.set_title(name, loc="left")
            axes.set_xlabel("minutes")
            axes.set_ylim(0, 1.6 * PODS.most)  # with room for the legend
            axes.legend(loc="upper left", frameon=False)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else {})


def main(words: list[str]) -> int:
    if words[:1] == ["measure"]:
        measure(words[1], words[2])
        return 0
    results = run()
    print(table(results))
    if words:
        draw(results, Path(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
