"""A profile: a folder with the two files TorchServe itself reads.

    config.properties     the server
    model-config.yaml     the model (goes into the archive); its `handler:` section is ours
    models.yaml           where it serves several models: each by its name, with what differs from model-config.yaml

`config/<name>/` are the kit's own; a path to such a folder names anybody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from common.errors import UsageError
from common.manifest import MODEL_NAME
from common.words import count
from kit.build import PROJECT, Build, default_build_root
from kit.machine import Machine

CONFIG = PROJECT / "config"
PROPERTIES = "config.properties"
MODEL_CONFIG = "model-config.yaml"
MODELS = "models.yaml"
SECTION = "handler"
# A key of the kit's in model-config.yaml: which program TorchServe starts as a worker.
WORKER, OURS, STOCK = "worker", "kit", "torchserve"
MODEL_NAME_WORDS = "letters and digits, and after the first one also _ . -"
EDGE_MOST_CORES = 4
EDGE_MOST_MEMORY = 8 << 30


@dataclass(frozen=True)
class Profile:
    """`name` is the folder's own; `reason` says why this profile was taken. `model`: which of those that models.yaml
    lists, "" without that file and for the server of them all."""

    name: str
    folder: Path
    reason: str
    model: str = ""

    @property
    def properties(self) -> Path:
        return self.folder / PROPERTIES

    @property
    def model_config(self) -> Path:
        return self.folder / MODEL_CONFIG

    @property
    def build(self) -> Build:
        """Of this model."""
        return Build(self.server_build.folder / "models" / self.model) if self.model else self.server_build

    @property
    def server_build(self) -> Build:
        """Of the server, whichever models it serves."""
        return Build(default_build_root() / self.name)

    @property
    def variables(self) -> str:
        """What names it on a command line: `PROFILE=shop MODEL_NAME=shelf`."""
        name = self.name if self.folder == CONFIG / self.name else self.folder
        return f"PROFILE={name}" + (f" MODEL_NAME={self.model}" if self.model else "")

    def read_model_config(self) -> dict[str, Any]:
        """model-config.yaml, with what models.yaml says of this model over it. Raises UsageError for what is no
        mapping."""
        content = _read(self.model_config)
        for key, value in (self.listed()[self.model] if self.model else {}).items():
            section = content.get(key)
            content[key] = {**section, **value} if isinstance(section, dict) and isinstance(value, dict) else value
        return content

    def listed(self) -> dict[str, Mapping[str, Any]]:
        """What models.yaml says of each model; nothing without that file. Raises UsageError for what it cannot mean."""
        file = self.folder / MODELS
        if not file.is_file():
            return {}
        found = _read(file)
        for name, differs in found.items():
            if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
                raise UsageError(f"{file}: {name!r} is not a name that TorchServe takes", MODEL_NAME_WORDS)
            if not isinstance(differs or {}, dict):
                raise UsageError(f"{file}: `{name}:` must hold settings as {MODEL_CONFIG} has them, not {differs!r}")
        if len({name.lower() for name in found}) < len(found):
            raise UsageError(f"{file}: two names differ in nothing but their case, which nginx takes for one")
        if not found:
            raise UsageError(
                f"{file} lists no model", f"list one, or remove the file to serve what {MODEL_CONFIG} says"
            )
        return {name: differs or {} for name, differs in found.items()}

    def models(self) -> list[Profile]:
        """One for each model that it serves."""
        if self.model:
            return [self]
        return [replace(self, model=name) for name in self.listed()] or [self]

    def of_model(self, name: str, variable: str = "MODEL_NAME") -> Profile:
        """For what is done to one model; `name` is what `variable` says. Raises UsageError where it has to say which,
        and for one that is not listed."""
        listed = self.listed()
        if not listed:
            return self
        if name not in listed:
            what = f"{variable}={name} is none of its models" if name else f"profile {self.name} serves several models"
            raise UsageError(f"{what}: {', '.join(listed)}", f"name one: {variable}={next(iter(listed))}")
        return replace(self, model=name)

    @property
    def stock_worker(self) -> bool:
        """Whether TorchServe starts workers of its own and not the kit's. Raises UsageError for another word."""
        wanted = self.read_model_config().get(WORKER, OURS)
        if wanted not in (OURS, STOCK):
            raise UsageError(f"{self.model_config}: {WORKER} {wanted!r} is not one of {OURS}, {STOCK}")
        return bool(wanted == STOCK)

    def asked(self, key: str, wanted: str, known: Sequence[str], default: str) -> str:
        """One of `known`: the variable named like `key`, given as `wanted`, or `key:` in the handler's section.

        Raises UsageError for anything else.
        """
        variable = key.upper()
        if wanted and wanted not in known:
            raise UsageError(f"{variable}={wanted} is not one of {', '.join(known)}", f"{variable}={'|'.join(known)}")
        section: Any = self.read_model_config().get(SECTION) or {}
        if not isinstance(section, dict):
            raise UsageError(f"{self.model_config}: `{SECTION}:` must hold settings, not {section!r}")
        found = section.get(key, default)
        if not wanted and found not in known:
            raise UsageError(
                f"{self.model_config}: {key} {found!r} is not one of {', '.join(known)}",
                f"set `{key}:` in its `{SECTION}:` section to one of them",
            )
        return wanted or str(found)

    def gpus(self, machine: Machine) -> int:
        """How many GPUs it serves with on a machine."""
        return len(machine.gpus) if self.read_model_config().get("deviceType") != "cpu" else 0

    def threads(self, machine: Machine) -> int:
        """Of each worker."""
        asked = (self.read_model_config().get(SECTION) or {}).get("threads", 1)
        return machine.cores if asked == "all" else int(asked)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(f"{file} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{file} must hold a mapping of settings, not {type(content).__name__}")
    return content


def names() -> list[str]:
    return sorted(path.parent.name for path in CONFIG.glob(f"*/{PROPERTIES}"))


def suited_to(machine: Machine) -> tuple[str, str]:
    """The kit's profile for a machine, and why."""
    if machine.gpus:
        return "cloud-gpu", f"this machine has a GPU ({machine.gpus[0]})"
    memory = machine.memory_total / (1 << 30)
    size = f"{machine.processor}, {count(machine.cores, 'core')}, {memory:.0f} GB of memory, {machine.no_gpu}"
    if machine.processor == "aarch64" and machine.cores <= EDGE_MOST_CORES and machine.memory_total <= EDGE_MOST_MEMORY:
        return "edge", f"this machine is a small ARM box ({size})"
    return "onprem", f"this machine is {size}"


def choose(wanted: str, machine: Machine) -> Profile:
    """The profile called `wanted` (a name or a folder), or with "" the one that suits the machine.

    Raises UsageError when there is no such profile or one of its two files is missing.
    """
    if not wanted:
        name, reason = suited_to(machine)
        return Profile(name, CONFIG / name, reason)
    folder = CONFIG / wanted if wanted in names() else Path(wanted).resolve()
    missing = [name for name in (PROPERTIES, MODEL_CONFIG) if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"no profile {wanted!r}: {folder} has no {' and no '.join(missing)}",
            f"take one of {', '.join(names())}, or name a folder that holds {PROPERTIES} and {MODEL_CONFIG}",
        )
    return Profile(folder.name, folder, "asked for with PROFILE")
