"""A target's variables with their defaults, from the options of the command that it runs: make help T=export."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args, get_type_hints

import typer
from typer.models import OptionInfo

from common.errors import UsageError
from kit import console
from kit.build import PROJECT
from scripts.nearest import sentence

MAKEFILE = PROJECT / "Makefile"
RULE = re.compile(
    r"^([a-z0-9-]+): *((?:[a-z0-9-]+ ?)*)(?:[|$][^#]*)?## ([^\n[]*[^\n[ ]) *(?:\[([^\n]*)\])?\n((?:\t[^\n]*\n)*)",
    re.MULTILINE,
)
COMMAND = re.compile(r"scripts\.(\w+)(?: ([a-z]+))?")
# What no command takes as an option.
OTHERS = {
    "BUILD": "Folder for all that is made; default: build/.",
    "PYTHON": "The Python that makes .venv; default: python3.",
    "TORCH_INDEX": "Index or folder to take torch from, for .venv; default: PyPI.",
    "SSH_CONFIG": "An ssh configuration beside your own.",
    "WHEELS": "Folder that keeps downloaded wheels; default: build/wheels.",
    "NAMES": "The networks to try; default: all that were not tried yet.",
    "DURATION": "Seconds.",
    "SEED": "Which made-up inputs; default: by the clock.",
}


@dataclass(frozen=True)
class Variable:
    name: str
    help: str
    default: str


@dataclass(frozen=True)
class MakeTarget:
    """`needs`: the targets made before it; `listed`: the variables that `make help` shows beside it."""

    name: str
    needs: tuple[str, ...]
    text: str
    listed: str
    recipe: str


def targets() -> dict[str, MakeTarget]:
    found = RULE.finditer(MAKEFILE.read_text(encoding="utf-8"))
    return {rule[1]: MakeTarget(rule[1], tuple(rule[2].split()), rule[3], rule[4] or "", rule[5]) for rule in found}


def of_target(name: str, known: dict[str, MakeTarget]) -> dict[str, Variable]:
    """Its own and those of the targets that it needs, by name."""
    target = known[name]
    found: dict[str, Variable] = {}
    for need in target.needs:
        if need in known and need != "setup":  # what that takes is remembered, and given to it alone
            found |= of_target(need, known)
    recipe = target.recipe.replace("$(HERE_OR_FLEET)", f"scripts.server {name} scripts.fleet")
    for module, command in COMMAND.findall(recipe):
        found |= {one.name: one for one in _of_command(module, command)}
    if found:
        found["BUILD"] = variable("BUILD", OTHERS["BUILD"])
    for name in re.findall(r"[A-Z_]+", target.listed):
        if name in OTHERS and name not in found:
            found[name] = variable(name, OTHERS[name])
    return found


def _of_command(module: str, command: str) -> Iterator[Variable]:
    loaded = importlib.import_module(f"scripts.{module}")
    if not hasattr(loaded, "app"):
        return
    callbacks = {one.name or one.callback.__name__: one.callback for one in loaded.app.registered_commands}
    callback = callbacks[command] if command in callbacks else next(iter(callbacks.values()))
    defaults = {name: parameter.default for name, parameter in inspect.signature(callback).parameters.items()}
    for name, hint in get_type_hints(callback, include_extras=True).items():
        for option in get_args(hint):
            if isinstance(option, OptionInfo) and isinstance(option.envvar, str):
                default = "" if defaults[name] in (None, "", False) else str(defaults[name])
                yield variable(option.envvar, option.help or "", default)


def variable(name: str, text: str, default: str = "") -> Variable:
    """Of a help text that ends in `; default: ….`, that goes into a column of its own."""
    said, _, told = text.partition("; default: ")
    return Variable(name, f"{said.removesuffix('.')}.", default or told.removesuffix("."))


def main(name: str) -> None:
    known = targets()
    if name not in known:
        raise UsageError(sentence([name], list(known)).replace("variable", "target"))
    target = known[name]
    console.out.print(f"[bold]make {name}[/bold]  {target.text}\n", highlight=False)
    variables = of_target(name, known)
    table = console.table("variable", "default", "what it is")
    for one in sorted(variables.values(), key=lambda one: one.name):
        table.add_row(one.name, one.default, one.help)
    console.out.print(table if variables else "It takes no variables.")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    console.command(app)
