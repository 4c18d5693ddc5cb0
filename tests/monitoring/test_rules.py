"""Every alert is fired by promtool, on series that stand for its cause, and by nothing that is ordinary."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.monitoring import packages
from kit.monitoring.files import CONFIG

BOX = 'fleet="shops",box="till-1"'
OTHER = 'fleet="shops",box="till-2"'
LIKE = '{fleet="shops",box="till-1",instance="a:1",job="vision-serve"'
WEEK = 7 * 86400


def requests(good: str, bad: str = "", code: int = 503, box: str = BOX) -> dict[str, str]:
    """Counters of requests by status; the values as promtool writes series."""
    series = {f'gateway_requests_total{{{box},path="predictions",code="200"}}': good}
    return series | ({f'gateway_requests_total{{{box},path="predictions",code="{code}"}}': bad} if bad else {})


def seconds(below: str, count: str, box: str = BOX) -> dict[str, str]:
    """Answers up to a second, and all."""
    return {
        f'gateway_request_seconds_bucket{{{box},path="predictions",le="1"}}': below,
        f'gateway_request_seconds_bucket{{{box},path="predictions",le="+Inf"}}': count,
        f'gateway_request_seconds_count{{{box},path="predictions"}}': count,
    }


def info(release: str, box: str) -> str:
    return f'vision_model_info{{{box},release="{release}"}}'


# Of each alert: series that fire it, a value a minute, and minutes after which it fires. One more or less is chance:
# groups of rules are evaluated in any order, and some alerts need what another group records.
CAUSES: dict[str, tuple[dict[str, str], int]] = {
    "VisionNotAnswering": ({f"gateway_ready{{{BOX}}}": "1x4 0x10"}, 6),
    "VisionSilent": ({f'up{{{BOX},job="vision-serve"}}': "1x4 0x40"}, 20),
    "VisionWorkersDie": ({f"vision_worker_deaths_total{{{BOX}}}": "0x9 3x10"}, 10),
    "VisionRestarts": ({f"vision_start_time_seconds{{{BOX}}}": "100x9 200 300 400x10"}, 12),
    "VisionErrorsFast": (requests("0+50x120", "0x59 0+50x60"), 67),
    "VisionErrorsSlow": (requests("0+96x500", "0+4x500"), 17),
    "VisionSlowFast": (seconds("0+80x120", "0+100x120"), 4),
    "VisionSlowSlow": (seconds("0+90x500", "0+100x500"), 17),
    "VisionQueue": (
        {
            f'vision_stage_seconds_bucket{{{BOX},stage="queue",le="1"}}': "0+1x60",
            f'vision_stage_seconds_bucket{{{BOX},stage="queue",le="5"}}': "0+10x60",
            f'vision_stage_seconds_bucket{{{BOX},stage="queue",le="+Inf"}}': "0+10x60",
        },
        11,
    ),
    "VisionMemoryLow": (
        {f"vision_memory_available_bytes{{{BOX}}}": "500x4 70x30", f"vision_memory_bytes{{{BOX}}}": "1000x40"},
        15,
    ),
    "VisionDiskLow": (
        {f"vision_disk_free_bytes{{{BOX}}}": "500x4 90x60", f"vision_disk_bytes{{{BOX}}}": "1000x70"},
        35,
    ),
    "VisionHot": ({f"vision_temperature_celsius{{{BOX}}}": "60x4 85x30"}, 15),
    "VisionThrottled": ({f"vision_throttled{{{BOX}}}": "0x20 1x30"}, 29),
    "VisionUndervolted": ({f"vision_undervolted{{{BOX}}}": "0x9 1 0x5"}, 10),
    "VisionCertificateEnds": ({f"gateway_certificate_end_seconds{{{BOX}}}": f"{2 * WEEK - 60}x90"}, 60),
    "VisionClockOff": ({f"vision_time_seconds{{{BOX}}}": "90+60x40"}, 10),
    "VisionWrongRelease": (
        {
            info("new", BOX): "1x200",
            info("old", OTHER): "1x200",
            info("new", 'fleet="shops",box="till-3"'): "1x200",
        },
        120,
    ),
    "VisionDrift": ({f'vision_drift{{{BOX},statistic="brightness"}}': "0x9 1x9"}, 10),
}
# A working day of two boxes: some mistakes of clients, two hiccups, a restart.
ORDINARY: dict[str, str] = {
    **requests("0+100x480", "0x200 2x280"),
    **requests("0+20x480", "0+1x480", code=415, box=OTHER),
    **seconds("0+100x480", "0+100.2x480"),
    f"gateway_ready{{{BOX}}}": "1x480",
    f'up{{{BOX},job="vision-serve"}}': "1x200 0x3 1x280",
    f"vision_worker_deaths_total{{{BOX}}}": "0x200 1x280",
    f"vision_start_time_seconds{{{BOX}}}": "100x200 200x280",
    f"vision_memory_available_bytes{{{BOX}}}": "300x480",
    f"vision_memory_bytes{{{BOX}}}": "1000x480",
    f"vision_disk_free_bytes{{{BOX}}}": "500x480",
    f"vision_disk_bytes{{{BOX}}}": "1000x480",
    f"vision_temperature_celsius{{{BOX}}}": "60+0.03x480",
    f"vision_throttled{{{BOX}}}": "0x100 1 0x379",
    f"vision_undervolted{{{BOX}}}": "0x480",
    f"gateway_certificate_end_seconds{{{BOX}}}": f"{52 * WEEK}x480",
    f"vision_time_seconds{{{BOX}}}": "1+60x480",
    info("new", BOX): "1x480",
    info("new", OTHER): "1x480",
    f'vision_drift{{{BOX},statistic="brightness"}}': "0x480",
    f'vision_stage_seconds_bucket{{{BOX},stage="queue",le="1"}}': "0+100x480",
    f'vision_stage_seconds_bucket{{{BOX},stage="queue",le="+Inf"}}': "0+100x480",
}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((CONFIG / "rules" / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def check(folder: Path, series: dict[str, str], wanted: dict[int, list[str]]) -> None:
    """`wanted`: which alerts fire after so many minutes."""
    tests = [
        {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minutes}m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
        }
        for minutes, names in wanted.items()
    ]
    document = {
        "rule_files": [str(path) for path in sorted((CONFIG / "rules").glob("*.yml"))],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(document))
    promtool = packages.find(packages.PROMETHEUS) / "promtool"
    ran = subprocess.run([str(promtool), "test", "rules", str(folder / "test.yml")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", CAUSES)
def test_its_cause_fires_it_when_it_has_lasted(name: str, tmp_path: Path) -> None:
    series, minutes = CAUSES[name]
    check(tmp_path, series, {minutes - 2: [], minutes + 1: [name]})


def test_every_alert_has_a_cause_here_and_says_what_to_do() -> None:
    assert [rule["alert"] for rule in rules()] == list(CAUSES)
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].startswith("{{ $labels.box }} ")
        assert len(rule["annotations"]["runbook"]) > 40


def test_nothing_fires_on_an_ordinary_day(tmp_path: Path) -> None:
    check(tmp_path, ORDINARY, {minutes: [] for minutes in range(10, 480, 10)})
