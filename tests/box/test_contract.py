"""The fake box of the fleet's unit tests and the real program go through the same scenarios: what the workstation reads
of their answers is alike, so that the fake cannot drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.box.shop import Box, Release, make_release
from tests.kit.fleet.fake_box import FakeBox

Result = dict[str, Any]
ANN, BOB = ("--owner", "ann@workstation:1"), ("--owner", "bob@workstation:2")
# Read by the workstation as they are; of the others the kind is compared.
SAME = {"ok", "waiting", "release", "confirmed", "on_trial", "previous", "answers", "running", "enough", "rolled_back"}
# What kit/fleet reads of each verb's result.
READ = {
    "provision": {"ok", "changed"},
    "missing": {"ok", "missing", "bytes", "needed_bytes", "disk_free_bytes", "enough", "why_not"},
    "receive": {"ok"},
    "plan": {"ok", "how", "why", "runtime", "bytes"},
    "activate": {"ok", "waiting", "how", "downtime_seconds", "gate"},
    "rollback": {"ok", "waiting", "how", "downtime_seconds", "gate"},
    "confirm": {"ok", "answers"},
    "revert": {"ok", "running"},
    "status": {"ok", "release", "confirmed", "on_trial", "previous", "answers", "damaged", "last_activation"},
    "lock": {"ok"},
    "unlock": {"ok"},
    "logs": {"ok", "lines"},
    "doctor": {"ok", "findings"},
}
REFUSED = {"ok", "error"}
KINDS = {"restart": "another", "hot": "another", "rollback": "another"}


class Program(Protocol):
    """A box's program: verbs in, events and a result out; `bring` is what rsync does."""

    def call(self, verb: str, *arguments: str, stdin: bytes = b"") -> tuple[list[Result], Result]: ...

    def bring(self, release: Release) -> None: ...


class Real:
    def __init__(self, box: Box) -> None:
        self.box = box

    def call(self, verb: str, *arguments: str, stdin: bytes = b"") -> tuple[list[Result], Result]:
        _, lines = self.box.run(verb, *arguments, stdin=stdin)
        return lines[:-1], lines[-1]

    def bring(self, release: Release) -> None:
        self.box.deliver(release)


class Fake:
    def __init__(self) -> None:
        self.box = FakeBox()

    def call(self, verb: str, *arguments: str, stdin: bytes = b"") -> tuple[list[Result], Result]:
        return self.box.answer(verb, list(arguments), stdin)

    def bring(self, release: Release) -> None:
        self.box.state["blobs"] += list(release.blobs)


def read(verb: str, result: Result) -> Result:
    """What the workstation reads of a result, with figures and words as their kind."""
    keys = READ[verb] if result["ok"] else REFUSED | ({"holder"} if "holder" in result else set())
    assert keys <= result.keys(), f"{verb} does not say {sorted(keys - result.keys())}: {result}"
    return {key: result[key] if key in SAME else kind(key, result[key]) for key in sorted(keys)}


def kind(key: str, value: Any) -> Any:
    if key == "how":
        return KINDS.get(value, value)
    if key == "holder":
        return value["owner"]
    if key == "findings":
        return all({"severity", "message", "hint"} <= finding.keys() for finding in value)
    if key == "last_activation":
        return value and (value["release"], bool(value.get("ended")), bool(value.get("waiting")))
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def story(program: Program, signers: bytes, first: Release, second: Release) -> Iterator[tuple[str, Any]]:
    """Each step with what was read of it."""

    def step(verb: str, *arguments: str, stdin: bytes = b"") -> tuple[str, Any]:
        events, result = program.call(verb, *arguments, stdin=stdin)
        told = [event["step"] for event in events if event.get("event") == "step"]
        gate = [type(event["gate_seconds"]).__name__ for event in events if "gate_seconds" in event]
        return f"{verb} {' '.join(arguments)}", (read(verb, result), told[:2], gate)

    yield step("provision", *ANN, stdin=signers)
    yield step("status")
    yield step("missing", stdin=first.manifest)
    program.bring(first)
    yield step("plan", first.name, stdin=first.manifest)
    yield step("receive", first.name, *ANN)
    yield step("activate", first.name, "--confirm-seconds", "60", *ANN)
    yield step("status")
    yield step("confirm", second.name, *ANN)
    yield step("confirm", first.name, *ANN)
    yield step("status")
    yield step("activate", first.name, "--confirm-seconds", "60", *ANN)
    program.bring(second)
    yield step("receive", second.name, *ANN)
    yield step("activate", second.name, "--confirm-seconds", "60", *ANN)
    yield step("revert", *ANN)
    yield step("status")
    yield step("confirm", second.name, *ANN)
    yield step("activate", second.name, "--confirm-seconds", "60", *ANN)
    yield step("confirm", second.name, *ANN)
    yield step("status")
    yield step("rollback", "--to", first.name, "--confirm-seconds", "60", *ANN)
    yield step("confirm", first.name, *ANN)
    yield step("status")
    yield step("lock", *ANN)
    yield step("lock", *BOB)
    yield step("activate", second.name, "--confirm-seconds", "60", *BOB)
    yield step("unlock", *BOB)
    yield step("unlock", *ANN)
    yield step("logs", "-n", "5")
    yield step("doctor")


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Release, Release]:
    return make_release("1.0", tmp_path), make_release("2.0", tmp_path)


def test_the_fake_box_says_what_the_real_one_says(box: Box, releases: tuple[Release, Release]) -> None:
    signers = box.key.allowed_signers.encode()
    real = list(story(Real(box), signers, *releases))
    fake = list(story(Fake(), signers, *releases))
    assert [name for name, _ in real] == [name for name, _ in fake]
    assert len(real) > 25
    apart = [
        f"{name}:\n  real {said}\n  fake {pretended}"
        for (name, said), (_, pretended) in zip(real, fake, strict=True)
        if pretended != said
    ]
    assert not apart, "\n".join(apart)


def test_the_same_parts_are_missing(box: Box, releases: tuple[Release, Release]) -> None:
    """But for wheels of a runtime that stands, which the fake does not know."""
    manifest = releases[0].manifest
    wheels = {part["sha256"] for part in json.loads(manifest)["parts"] if part["role"] == "wheel"}
    programs: list[Callable[[], Program]] = [lambda: Real(box), Fake]
    real, fake = (
        {part["sha256"] for part in make().call("missing", stdin=manifest)[1]["missing"]} for make in programs
    )
    assert real == fake - wheels
