"""One hash of everything that a measurement depends on and its candidate does not say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from common.durable import sha256
from kit.files import read_json
from kit.tune.trial.executor import Executor


def fingerprint(executor: Executor, precisions: Sequence[str]) -> str:
    machine, load, base = executor.machine, executor.load, executor.base
    reports = {name: executor.exports.build(name).archive_report for name in precisions}
    parts = {
        "machine": [machine.processor, machine.cores, machine.memory_total, machine.gpus],
        "archives": {name: read_json(report, "make tune")["sha256"] for name, report in reports.items()},
        "profile": [path.read_text(encoding="utf-8") for path in (base.properties, base.model_config)],
        "load": [load.clients, load.seconds, [sha256(picture) for picture in load.pictures]],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
