"""Which wheels a box needs: the `serve` group of pyproject.toml and what runs the model, resolved for the box and held
to lock.txt."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from common.errors import KitError
from kit.build import PROJECT
from kit.bundle.target import BoxTarget
from kit.bundle.wheels.clients import uv
from kit.bundle.wheels.torch_source import TorchSource

LOCK = PROJECT / "requirements" / "lock.txt"
BLOCK = re.compile(r"^(\S+?)==([^\s;\\]+) *(?:;([^\\\n]*))?(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
HASH = re.compile(r"sha256:([0-9a-f]{64})")
# torch, ONNX Runtime and TorchServe ask for these; importing them, the worker and the handler never do. For torch alone
# they are 2,800 files, 41 MB, that a box would unpack onto its SD card.
NEVER_IMPORTED = {
    *(
        "flatbuffers",
        "protobuf",
        "coloredlogs",
        "humanfriendly",
    ),  # ONNX Runtime's tools, and its logs
    *("sympy", "mpmath", "networkx", "fsspec", "filelock"),  # torch.compile, torch.export and their caches
    *("jinja2", "markupsafe"),  # torch's code generation
    *("setuptools", "wheel"),  # building
}


@dataclass(frozen=True)
class Requirement:
    """One distribution, and the sha256 that its wheel may have."""

    name: str
    version: str
    hashes: frozenset[str]

    @property
    def line(self) -> str:
        return f"{self.name}=={self.version} {' '.join(f'--hash=sha256:{digest}' for digest in sorted(self.hashes))}"


def resolve(target: BoxTarget, torch: TorchSource | None, lock: str) -> list[Requirement]:
    """Everything to install on the box, sorted by name; `torch` None where ONNX Runtime runs the model. Raises KitError
    when the index and the lock disagree."""
    # --python: the one at hand, or uv looks through the machine for one of the box's version, which it does not need.
    options = ["--python-platform", target.uv_platform, "--python-version", target.python, "--python", sys.executable]
    options += ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        constraints = folder / "constraints.txt"
        constraints.write_text(pins(lock, without="torch"))
        options += ["--constraints", str(constraints)]
        groups = [f"--group={PROJECT / 'pyproject.toml'}:{name}" for name in ("serve", *([] if torch else ["onnx"]))]
        found = read(uv("pip", "compile", *options, *groups))
        if torch:
            wanted = folder / "pyproject.toml"
            wanted.write_text(project(target, torch, found))
            found = read(uv("pip", "compile", *options, str(wanted)))
    locked = {(each.name, each.version): each for each in read(lock)}
    return [_held(each, locked) for each in found if each.name not in NEVER_IMPORTED]


def project(target: BoxTarget, torch: TorchSource, rest: list[Requirement]) -> str:
    """A pyproject.toml that asks for torch, from nowhere but its own index, and for the rest from the usual one."""
    wanted = [f"torch=={torch.version}", *(f"{each.name}=={each.version}" for each in rest)]
    lines = ["[project]", 'name = "box"', 'version = "0"', f'requires-python = "=={target.python}.*"']
    lines += [f"dependencies = {wanted!r}"]
    if torch.index:
        lines += ["[tool.uv.sources]", 'torch = { index = "torch" }', "[[tool.uv.index]]", 'name = "torch"']
        lines += [
            f"url = {json.dumps(torch.index)}",
            "explicit = true",
            *(['format = "flat"'] if torch.is_folder else []),
        ]
    return "\n".join(lines) + "\n"


def read(text: str) -> list[Requirement]:
    """The pins of a requirements file with hashes."""
    return [
        Requirement(canonicalize_name(found[1]), found[2], frozenset(HASH.findall(found[4])))
        for found in BLOCK.finditer(text)
    ]


def pins(lock: str, without: str) -> str:
    """`name==version ; marker` of every requirement in the lock but one."""
    found = ((match[1], match[2], match[3]) for match in BLOCK.finditer(lock))
    return "".join(
        f"{name}=={version}{f' ;{marker}' if marker else ''}\n" for name, version, marker in found if name != without
    )


def locked_torch(lock: str, processor: str) -> str:
    """The version of torch that the lock has for a processor."""
    for found in BLOCK.finditer(lock):
        if found[1] == "torch" and f"'{processor}'" in (found[3] or ""):
            return found[2]
    raise KitError(f"{LOCK} has no torch for {processor}", "make lock")


def locked(lock: str, name: str) -> Requirement:
    """A tool's own pin: the newest that the lock has."""
    return max((each for each in read(lock) if each.name == name), key=lambda each: Version(each.version))


def _held(found: Requirement, lock: Mapping[tuple[str, str], Requirement]) -> Requirement:
    """With the lock's hashes where the lock has that version: the index alone is not believed."""
    known = lock.get((found.name, found.version))
    if known is None:
        return found
    if not known.hashes & found.hashes:
        raise KitError(
            f"{found.name} {found.version} is another file in the package index than requirements/lock.txt knows",
            "if that is meant: make lock",
        )
    return known
