"""The releases that the tests ship: good ones made as a user makes them, and bad ones made out of those."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from common.manifest import Manifest
from kit import golden
from kit.build import Build
from kit.bundle import manifest, reading, signing, tarball
from kit.bundle.making import parts_of
from kit.bundle.tarball import Content
from kit.golden import Golden
from kit.model import runtimes
from kit.profiles import CONFIG, MODEL_CONFIG, MODELS
from tests.boxes import machine
from tests.boxes.commands import run
from tests.conftest import RunScript, script_environment
from tests.signers import allowed_signers_line

TORCH = "torch==2.13.0"
PYTHON = "3.11"  # of the boxes' Debian
PLATFORM = "linux_x86_64"
HANDLER = "image_classifier.py"
PROPERTIES = "config/config.properties"
Members = Mapping[str, Callable[[bytes], bytes]]


SLOW_BOX = {"p95_ms": 30_000, "requests": 6}
GATES = {"edge": SLOW_BOX, "onprem": SLOW_BOX | {"memory_free_mb": 300, "more_worker_mb": 40}}
SAMPLE = "sample: {pictures_a_day: 5, days: 3, megabytes: 5}"


@dataclass(frozen=True)
class Release:
    """A bundle file and the name of the release in it."""

    file: Path

    @cached_property
    def manifest(self) -> Manifest:
        return reading.manifest_of(self.file)

    @property
    def name(self) -> str:
        return self.manifest.release

    @property
    def archive_bytes(self) -> int:
        archive = self.manifest.document["model"]["archive"]
        return next(part.size for part in self.manifest.parts if part.path == archive)


@dataclass(frozen=True)
class Workshop:
    """Makes releases in `folder`, signed with `key`."""

    folder: Path
    key: Path
    run_script: RunScript

    @staticmethod
    def make_key(file: Path) -> Path:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file))
        return file

    def allow(self, file: Path) -> Path:
        """An allowed-signers file with the workshop's key in it."""
        file.write_text(allowed_signers_line(self.key, "operator"), encoding="utf-8")
        return file

    def good(self, version: str, runtime: str = "onnx", profile: str = "edge") -> Release:
        """`make archive` and `make bundle`, with a version for the model."""
        made_with = {"PLATFORM": PLATFORM, "BOX_PYTHON": PYTHON, "KEY": str(self.key), "RUNTIME": runtime}
        environment = self.environment(version) | {"PROFILE": str(self.profile(profile))} | made_with
        build = self.folder / "build" / profile
        exported = (build / runtimes.FILES[runtime]).exists()
        for step in [*([] if exported else ["export"]), "archive", "bundle"]:
            self._run(step, environment)
        return Release(reading.newest(build / "bundle")[0])

    def several(self, **versions: str) -> Release:
        """`make bundle` of a profile that lists these models, each the embedded one under another name."""
        folder = self.folder / "several"
        if not folder.exists():
            shutil.copytree(self.profile(), folder)
            (folder / MODELS).write_text("".join(f"{name}:\n" for name in versions), encoding="utf-8")
        made_with = {"PROFILE": str(folder), "PLATFORM": PLATFORM, "BOX_PYTHON": PYTHON, "KEY": str(self.key)}
        server = Build(self.folder / "build" / folder.name)
        for name, version in versions.items():
            model = Build(server.folder / "models" / name)
            if not model.folder.exists():
                shutil.copytree(
                    self.folder / "build/edge", model.folder, ignore=shutil.ignore_patterns("bundle", "*.mar")
                )
                report = json.loads(model.export_report.read_text(encoding="utf-8"))
                model.export_report.write_text(json.dumps(report | {"model_name": name}), encoding="utf-8")
            self._run("archive", self.environment(version) | made_with | {"MODEL_NAME": name})
        self._run("bundle", self.environment("") | made_with)
        return Release(reading.newest(server.bundles)[0])

    def _run(self, script: str, environment: dict[str, str]) -> None:
        done = self.run_script(script, env=environment, timeout=900)
        assert done.returncode == 0, f"{script}: {done.stderr}"

    def environment(self, version: str) -> dict[str, str]:
        """Of the commands that make a release: where its files go, and where what it is made of comes from."""
        return script_environment(
            self.folder / "build",
            MODEL_VERSION=version,
            TORCH_INDEX=str(torch_folder()),
            WHEELS=str(machine.cache() / "wheels"),
        )

    def profile(self, name: str = "edge") -> Path:
        """A profile of the kit's, but for its gate: here three boxes of 1 GB share two cores. And with a sample of what
        is asked."""
        folder = self.folder / name
        if not folder.exists():
            shutil.copytree(CONFIG / name, folder)
            settings = folder / MODEL_CONFIG
            text = settings.read_text(encoding="utf-8")
            for limit, here in GATES[name].items():
                text, found = re.subn(rf"^  {limit}: \d+$", f"  {limit}: {here}", text, flags=re.MULTILINE)
                assert found == 1, limit
            settings.write_text(f"{text}\n{SAMPLE}\n", encoding="utf-8")
        return folder

    @property
    def golden(self) -> list[Golden]:
        return golden.load(self.folder / "build/edge/golden", "")

    def variant(
        self,
        base: Release,
        version: str,
        members: Members | None = None,
        properties: str = "",
        gate: Mapping[str, int] | None = None,
    ) -> Release:
        """`base` with another model version and some members of its archive rewritten: on boxes that run `base`, a
        change of the model alone. `properties` are added to config.properties, which makes it more than that."""
        blobs = self._unpacked(base)
        document = copy.deepcopy(dict(base.manifest.document))
        paths = {part.path: part for part in base.manifest.parts}
        contents: dict[str, tuple[str, Content]] = {
            path: (part.role, blobs / part.sha256) for path, part in paths.items()
        }
        archive = document["model"]["archive"]
        contents[archive] = (
            "archive",
            _rewritten((blobs / paths[archive].sha256).read_bytes(), version, members or {}),
        )
        if properties:
            old = (blobs / paths[PROPERTIES].sha256).read_bytes()
            contents[PROPERTIES] = ("config", old + f"\n{properties}\n".encode())
        parts = parts_of(contents)
        document["model"] |= {"version": version, "sha256": next(p.sha256 for p in parts if p.path == archive)}
        document["gate"] |= gate or {}
        for made_anew in ("release", "parts", "format"):
            document.pop(made_anew)
        made = manifest.make(document, parts)
        return self.write(made, signing.sign(made.content, self.key), {p.sha256: contents[p.path][1] for p in parts})

    def signed_by(self, base: Release, signature: bytes, name: str) -> Release:
        """`base` under another signature."""
        blobs = self._unpacked(base)
        contents: dict[str, Content] = {part.sha256: blobs / part.sha256 for part in base.manifest.parts}
        return self.write(base.manifest, signature, contents, name)

    def write(self, made: Manifest, signature: bytes, blobs: Mapping[str, Content], name: str = "") -> Release:
        file = self.folder / f"{name or made.release}.bundle"
        program = next(blobs[part.sha256] for part in made.parts if part.role == "program")
        boxed = program if isinstance(program, bytes) else program.read_bytes()
        tarball.write(file, made.content, signature, boxed, sorted(blobs.items()))
        return Release(file)

    def _unpacked(self, base: Release) -> Path:
        folder = self.folder / "blobs"
        reading.read(base.file).extract(folder, base.manifest.blobs())
        return folder


def torch_folder() -> Path:
    """The box's torch as a wheel, from the index that this machine's pip is set up for; TORCH_INDEX names another."""
    if named := os.environ.get("TORCH_INDEX"):
        return Path(named)
    folder = machine.cache() / "torch"
    if not list(folder.glob("torch-*.whl")):
        target = ("--only-binary=:all:", f"--python-version={PYTHON}", "--platform=manylinux_2_28_x86_64")
        run("python3", "-m", "pip", "download", "--no-deps", *target, "--dest", str(folder), TORCH, timeout=1200)
    return folder


def _rewritten(archive: bytes, version: str, members: Members) -> bytes:
    """The .mar with another version number and some members changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "MAR-INF/MANIFEST.json":
                described = json.loads(content)
                described["model"]["modelVersion"] = version
                content = json.dumps(described).encode()
            if change := members.get(entry.filename):
                content = change(content)
            target.writestr(entry, content)
    return made.getvalue()


def appended(code: str) -> Callable[[bytes], bytes]:
    """For a member that is Python: the same, and `code` after it."""
    return lambda content: content + f"\n\n{code}\n".encode()


def _labels_moved_on(content: bytes) -> bytes:
    labels = json.loads(content)
    names = list(labels.values())
    return json.dumps(dict(zip(labels, [*names[1:], names[0]], strict=True))).encode()


CRASHES: Members = {HANDLER: appended('raise RuntimeError("this release cannot start")')}
# All workers are ready, and every answer is wrong.
ANSWERS_WRONGLY: Members = {"index_to_name.json": _labels_moved_on}


def delayed(seconds: float) -> Members:
    """Every answer takes so much longer."""
    return {
        HANDLER: appended(
            "import time\n_quick = ImageClassifier.handle\n"
            f"def _slow(self, *arguments):\n    time.sleep({seconds})\n    return _quick(self, *arguments)\n"
            "ImageClassifier.handle = _slow"
        )
    }


SLOW = delayed(2.5)


def hungry(megabytes: int) -> Members:
    """It takes memory for good when it starts."""
    return {HANDLER: appended(f'_ballast = b"\\x01" * ({megabytes} << 20)')}
