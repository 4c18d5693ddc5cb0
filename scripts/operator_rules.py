"""config/monitoring/rules as Prometheus's operator takes them, for config/kubernetes; a test holds it to them."""

from __future__ import annotations

from textwrap import indent

from kit.files import write_text
from kit.monitoring.files import CONFIG
from kit.profiles import CONFIG as CONFIGS

FILE = CONFIGS / "kubernetes/components/monitoring/rules.yaml"
HEAD = """# What config/monitoring/rules has, written by `make rules`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: vision-serve
spec:
  groups:
"""


def text() -> str:
    groups = [
        file.read_text(encoding="utf-8").partition("\ngroups:\n")[2] for file in sorted(CONFIG.glob("rules/*.yml"))
    ]
    return HEAD + indent("".join(groups), "  ")


if __name__ == "__main__":
    write_text(FILE, text())
