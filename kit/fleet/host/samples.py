"""The pictures that boxes kept, brought to the workstation, a few megabytes at a time."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping, Sequence

from common.samples import Sample
from kit.collected import Collection
from kit.fleet.gateway.client_keys import NO_VERB
from kit.fleet.host import survey
from kit.fleet.host.survey import Answer
from kit.fleet.ssh.remote import BoxError, Event, Remote

BATCH = 4_000_000  # bytes of one answer: what a cut link costs


def fetch(remotes: Mapping[str, Remote], collection: Collection, parallel: int) -> list[Answer]:
    """Add what is new on each box. One that is out of reach half way keeps the rest for the next time."""
    writing = threading.Lock()

    def one(box: str) -> Event:
        there = [Sample(**row) for row in _told(survey.call(remotes[box], "samples"))]
        brought = 0
        for batch in batches(collection.wanted(box, there)):
            paths = json.dumps({"paths": [sample.path for sample in batch]}).encode()
            for row in _told(survey.call(remotes[box], "samples", "--take", stdin=paths)):
                content = base64.b64decode(row["content"])
                sample = Sample(**{key: value for key, value in row.items() if key != "content"})
                with writing:
                    collection.add(box, sample, content)
                brought += 1
        return {"ok": True, "there": len(there), "brought": brought}

    return survey.survey(list(remotes), one, parallel)


def batches(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """At least one in each."""
    batch: list[Sample] = []
    for sample in samples:
        if batch and sum(one.bytes for one in batch) + sample.bytes > BATCH:
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch


def _told(result: Event) -> list[Event]:
    if not result.get("ok"):
        error = str(result.get("error") or "failed")
        raise BoxError("it keeps no pictures: deploy a newer bundle" if NO_VERB in error else error)
    rows: list[Event] = result["samples"]
    return rows
