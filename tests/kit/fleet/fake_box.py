"""A box that keeps the contract of box.pyz and serves nothing: what the workstation is tested against.

`FakeBox` is its state and its verbs. Run as a program it keeps the state beside itself, so that a real ssh and rsync
reach one too. Faults are part of the state: `{"gate": {release: error}, "receive": error}`. Standard library only.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

Result = dict[str, Any]
# Not for others while somebody has the lock.
CHANGING = ("provision", "receive", "activate", "confirm", "revert", "rollback")
GATE = {"p95_ms": 120}
ANSWERS = "the golden pictures are answered rightly"


class FakeBox:
    def __init__(self, state: Result | None = None) -> None:
        self.state: Result = {
            "signers": "",
            "address": "",
            "gateway": "",
            "certificate": None,
            "keys": {},
            "lock": None,
            "blobs": [],
            "releases": [],
            "confirmed": None,
            "on_trial": None,
            "calls": [],
            "last": None,
            "damaged": [],
            "faults": {},
        } | (state or {})

    def answer(self, verb: str, arguments: list[str], stdin: bytes) -> tuple[list[Result], Result]:
        """The events and the result of a verb."""
        given = parse(arguments)
        self.state["calls"].append(verb)
        holder = self.state["lock"]
        if verb in CHANGING and holder and holder["owner"] != given.owner:
            return [], {"event": "result", "ok": False, "error": "locked", "holder": holder}
        events = [{"event": "step", "step": step, "at": time.time()} for step in ("verify", "space", "switch", "gate")]
        result: Result = getattr(self, f"_{verb.replace('-', '_')}")(given, stdin)
        events[1]["gate_seconds"] = self.state["faults"].get("gate_seconds", 60.0)
        return events if verb in ("activate", "rollback") else [], {"event": "result", **result}

    def _provision(self, given: argparse.Namespace, stdin: bytes) -> Result:
        given_words = {"signers": stdin.decode(), "address": given.address, "gateway": given.gateway}
        wanted = {key: words or self.state[key] for key, words in given_words.items()}
        changed = [f"{key} set" for key, value in wanted.items() if value != self.state[key]]
        self.state.update(wanted)
        return {"ok": True, "changed": changed}

    def _lock(self, given: argparse.Namespace, stdin: bytes) -> Result:
        if error := self.state["faults"].get("lock"):
            return {"ok": False, "error": error}
        holder = self.state["lock"]
        if holder and holder["owner"] != given.owner:
            return {"ok": False, "error": "locked", "holder": holder}
        self.state["lock"] = {"owner": given.owner, "since": time.time() - 120, "age_seconds": 120, "stale": False}
        return {"ok": True}

    def _unlock(self, given: argparse.Namespace, stdin: bytes) -> Result:
        holder = self.state["lock"]
        if holder and holder["owner"] != given.owner:
            return {"ok": False, "error": "locked", "holder": holder}
        self.state["lock"] = None
        return {"ok": True}

    def _missing(self, given: argparse.Namespace, stdin: bytes) -> Result:
        parts = {part["sha256"]: part["size"] for part in json.loads(stdin)["parts"]}
        missing = [{"sha256": sha, "size": size} for sha, size in parts.items() if sha not in self.state["blobs"]]
        needed = sum(part["size"] for part in missing)
        free = self.state["faults"].get("disk", 1 << 40)
        return {"ok": True, "missing": missing, "bytes": needed} | {
            "needed_bytes": needed,
            "disk_free_bytes": free,
            "enough": needed < free,
            "why_not": self.state["faults"].get("why_not", ""),
        }

    def _receive(self, given: argparse.Namespace, stdin: bytes) -> Result:
        self.state["damaged"] = []
        if error := self.state["faults"].get("receive"):
            return {"ok": False, "error": error}
        if damaged := self.state["faults"].pop("damaged", None):
            return {"ok": False, "error": "1 part is damaged", "damaged": damaged}
        return {"ok": True}

    def _plan(self, given: argparse.Namespace, stdin: bytes) -> Result:
        confirmed = self.state["confirmed"]
        how = "none" if confirmed == given.release else "restart" if confirmed else "first"
        return {"ok": True, "how": how, "why": "it is another release", "runtime": "have", "bytes": 7}

    def _activate(self, given: argparse.Namespace, stdin: bytes) -> Result:
        return self._try(given.release)

    def _rollback(self, given: argparse.Namespace, stdin: bytes) -> Result:
        return self._try(given.to)

    def _try(self, release: str) -> Result:
        if release == self.state["confirmed"]:
            return {"ok": True, "how": "none", "waiting": False, "downtime_seconds": 0.0, "gate": GATE}
        if error := self.state["faults"].get("gate", {}).get(release):
            log = ["INFO starting", "ERROR it is wrong"]
            back = self.state["faults"].get("went_back", True)
            return {"ok": False, "rolled_back": back, "error": error, "log": log}
        how = "restart" if self.state["confirmed"] else "first"
        self.state["on_trial"] = release
        self.state["last"] = {"release": release, "at": time.time(), "ended": time.time(), "waiting": True, "ok": True}
        return {"ok": True, "waiting": True, "how": how, "downtime_seconds": 3.5, "gate": GATE}

    def _confirm(self, given: argparse.Namespace, stdin: bytes) -> Result:
        if given.release not in (self.state["on_trial"], self.state["confirmed"]):
            return {"ok": False, "error": f"{given.release} is not on trial", "running": self.state["confirmed"]}
        if self.state["confirmed"] != given.release:
            self.state["releases"].append(given.release)
        self.state.update(confirmed=given.release, on_trial=None)
        self._over()
        silent = self.state["faults"].get("confirmed_silent")
        return {"ok": True, "answers": not silent, "why_not": silent}

    def time_out(self) -> None:
        """The seconds for a confirm are over."""
        self.state["on_trial"] = None
        self._over(error="no confirm came within 10 s")

    def _over(self, **said: str) -> None:
        if self.state["last"]:
            self.state["last"] |= {"waiting": False, **said}

    def _revert(self, given: argparse.Namespace, stdin: bytes) -> Result:
        self.state["on_trial"] = None
        self._over()
        return {"ok": True, "running": self.state["confirmed"]}

    def _status(self, given: argparse.Namespace, stdin: bytes) -> Result:
        confirmed, trial = self.state["confirmed"], self.state["on_trial"]
        before = [release for release in self.state["releases"] if release != confirmed]
        return {"ok": True, "release": trial or confirmed, "confirmed": confirmed, "on_trial": trial} | {
            "previous": before[-1] if before else None,
            "version": "1.0",
            "ready": bool(confirmed),
            "answers": bool(trial or confirmed) and not {"answers", "confirmed_silent"} & set(self.state["faults"]),
            "why_not": self.state["faults"].get("confirmed_silent", "it is mute"),
            "damaged": self.state["damaged"],
            "memory_mb": 512,
            "disk_free_mb": 4096,
            "last_activation": self.state["last"],
            "gateway": self._gateway(),
            "notify_sha256": self._notified(),
        }

    def _gateway(self) -> Result | None:
        """It stands on port 8443 of the box, with TLS, if the fleet file wants one."""
        if self.state["gateway"] in ("", "0"):
            return None
        shown = self.state["certificate"]
        return {"tls": True, "names": ["localhost", "192.0.2.7"], "ready": bool(shown), "certificate": shown}

    def _notified(self) -> str:
        told = self.state.get("notify", "")
        return hashlib.sha256(told.encode()).hexdigest() if told else ""

    def _notify(self, given: argparse.Namespace, stdin: bytes) -> Result:
        wanted = json.loads(stdin)["notify"]
        self.state["notify"] = "" if wanted == "none" else wanted
        return {"ok": True, "changed": True}

    def _certificate(self, given: argparse.Namespace, stdin: bytes) -> Result:
        told = json.loads(stdin)
        self.state["certificate"] = {key: told[key] for key in ("names", "ends", "authority")}
        return {"ok": True, "changed": True}

    def _record(self, given: argparse.Namespace, stdin: bytes) -> Result:
        """A file of the test's own."""
        from common.errors import KitError  # not in this program where it is all of a box.pyz
        from common.watch.record import reading

        try:
            return {"ok": True, **reading.exported(Path(self.state["record"]), given.since)}
        except KitError as error:
            return {"ok": False, "error": str(error)}

    def _samples(self, given: argparse.Namespace, stdin: bytes) -> Result:
        """A folder of the test's own."""
        from common import samples

        folder = Path(self.state["samples"])
        found = [vars(one) for one in samples.listed(folder)]
        if given.take:
            paths = json.loads(stdin)["paths"]
            found = [
                one | {"content": base64.b64encode((folder / one["path"]).read_bytes()).decode()}
                for one in found
                if one["path"] in paths
            ]
        return {"ok": True, "samples": found}

    def _keys(self, given: argparse.Namespace, stdin: bytes) -> Result:
        rows = [{**row, "used": 0, "rate": ""} for row in self.state["keys"].values()]
        return {"ok": True, "keys": rows}

    def _change_keys(self, given: argparse.Namespace, stdin: bytes) -> Result:
        told, kept = json.loads(stdin), self.state["keys"]
        ended = [digest for digest, row in kept.items() if row["name"] in told["revoke"]]
        changed = [f"{kept.pop(digest)['name']} is revoked" for digest in ended]
        others = {row["name"] for digest, row in kept.items() if digest not in told["add"]}
        if taken := others & {row["name"] for row in told["add"].values()}:
            return {"ok": False, "error": f"there is a key named {taken.pop()} already", "hint": "revoke it first"}
        kept.update(told["add"])
        return {"ok": True, "changed": changed + [f"{row['name']} may ask" for row in told["add"].values()]}

    def _logs(self, given: argparse.Namespace, stdin: bytes) -> Result:
        return {"ok": True, "lines": ["one", "two", "three"][-given.n :]}

    def _uninstall(self, given: argparse.Namespace, stdin: bytes) -> Result:
        return {"ok": True, "changed": ["removed /opt/vision-serve: releases, runtimes and the program"]}

    def _doctor(self, given: argparse.Namespace, stdin: bytes) -> Result:
        return {"ok": True, "findings": [{"severity": "ok", "message": ANSWERS, "hint": ""}]}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("release", nargs="?", default="")
    for option in ("--owner", "--address", "--gateway", "--to", "--confirm-seconds"):
        parser.add_argument(option, default="")
    parser.add_argument("-n", type=int, default=10)
    parser.add_argument("--take", action="store_true")
    parser.add_argument("--since", type=float, default=0.0)
    return parser.parse_args(arguments)


def main() -> int:
    """`box.pyz verb …`"""
    home = Path(sys.argv[0]).resolve().parent
    verb, arguments = sys.argv[1], sys.argv[2:]
    file = home / "state.json"
    box = FakeBox(json.loads(file.read_text()) if file.exists() else {})
    if verb == "provision":
        (home / "incoming/blobs").mkdir(parents=True, exist_ok=True)
    events, result = box.answer(verb, arguments, sys.stdin.buffer.read())
    if verb == "receive" and result["ok"]:
        result |= take_in(box, home / "incoming/blobs")
    file.write_text(json.dumps(box.state))
    if slow := box.state["faults"].get("slow", {}).get(verb):
        (home / "activating").touch()
        time.sleep(slow)
    if verb == "uninstall":
        shutil.rmtree(home)
    for event in [*events, result]:
        print(json.dumps(event), flush=True)
    return 0 if result["ok"] else 1


def take_in(box: FakeBox, blobs: Path) -> Result:
    """Check what rsync brought, as the real one does, and keep its name."""
    for blob in sorted(path for path in blobs.iterdir() if path.is_file()):
        if hashlib.sha256(blob.read_bytes()).hexdigest() != blob.name:
            blob.unlink()
            return {"ok": False, "error": f"blob {blob.name} is damaged", "damaged": [blob.name]}
        box.state["blobs"].append(blob.name)
    return {}


if __name__ == "__main__":
    sys.exit(main())
