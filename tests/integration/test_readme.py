"""The README's commands are run, in its order, and print what it says they print.

A ```console block holds `$ command` lines, each followed by its output; a ```python block is run as a script. What
differs from run to run and from machine to machine is compared in shape: figures as figures, pids as pids. Lines
of a block may be left out with a line `…`. A ```sh block is run with files of the test's own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.build import PROJECT
from tests.conftest import script_environment
from tests.integration import shelf
from tests.integration.places import ADDRESSES, GRPC_PORTS, free_addresses
from tests.ports import free_port
from tests.readme import README, blocks, run, shell_commands

DEFAULT_PORTS = dict(zip((*ADDRESSES, *GRPC_PORTS), ("8080", "8081", "8082", "7070", "7071"), strict=True))
GATEWAY_PORT = "8000"
GATEWAY = "README_GATEWAY_PORT"  # where the one of this test listens
FIGURE = re.compile(r"\d[\d,.e-]*")
LEFT_OUT = "…"


@dataclass(frozen=True)
class Step:
    """A command (or a script, for Python) and the lines that the README shows for it."""

    language: str
    text: str
    shown: list[str]


def steps() -> list[Step]:
    found = []
    for language, text in blocks("console", "python"):
        if language == "python":
            found.append(Step(language, text, []))
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            found.append(Step(language, command, shown))
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A build folder and ports of the test's own; whatever was started there is stopped."""
    root = tmp_path_factory.mktemp("readme")
    environment = script_environment(root, **free_addresses(), PYTHONUNBUFFERED="1", PROFILE="onprem")
    environment[GATEWAY] = str(free_port())
    yield root, environment
    subprocess.run([sys.executable, "-m", "scripts.server", "stop"], cwd=PROJECT, env=environment, check=True)


def here(text: str, root: Path, environment: dict[str, str]) -> str:
    """A command of the README, with this test's folder and ports in it."""
    for variable, port in DEFAULT_PORTS.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{environment[variable].rpartition(':')[2]}")
    text = text.replace(f"127.0.0.1:{GATEWAY_PORT}", f"127.0.0.1:{environment[GATEWAY]}")
    return text.replace("GATEWAY=1", f"GATEWAY=127.0.0.1:{environment[GATEWAY]}").replace("build/", f"{root}/")


def shape(line: str) -> str:
    """A line without what differs: figures, bars, the width of columns, why this machine took its profile, and whether
    its processor's int8 instructions cost a picture."""
    line = re.sub(r"profile onprem: .*", "profile onprem", line)
    line = re.sub(r"; top-1 is .* the original's", "", line)
    line = re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", line)
    return re.sub(r"[\s█]+", " ", FIGURE.sub("#", line)).strip()


def mismatch(shown: list[str], printed: list[str]) -> str:
    """The first shown line that was not printed where it should have been, or ""."""
    rest = iter([shape(line) for line in printed if line.strip()])
    anywhere = True
    for line in (line for line in shown if line.strip()):
        if line.strip() == LEFT_OUT:
            anywhere = True
            continue
        wanted = shape(line)
        got = next((text for text in rest if not anywhere or text == wanted), "(nothing)")
        if got != wanted:
            return f"shown: {wanted!r}\nprinted: {got!r}"
        anywhere = False
    return ""


def test_the_commands_of_the_readme_print_what_it_shows(place: tuple[Path, dict[str, str]]) -> None:
    root, environment = place
    assert len(steps()) >= 8
    for step in steps():
        text = here(step.text, root, environment)
        command = [sys.executable, "-c", text] if step.language == "python" else ["bash", "-c", text]
        done = run(command, environment, timeout=280)
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        wrong = mismatch(step.shown, done.stdout.replace(f"{root}/", "build/").splitlines())
        assert not wrong, f"$ {step.text}\n{wrong}\n--- all of it:\n{done.stdout}"


def test_somebodys_own_checkpoint_is_archived_as_the_readme_says(tmp_path: Path) -> None:
    """The `sh` block that ships to boxes is run by tests/boxes/test_readme.py."""
    shelf.make(tmp_path)
    (command,) = shell_commands("make archive ARCH=")
    for name in ("shelf.safetensors", "shelf.txt", "holdout/"):
        assert name in command
        command = command.replace(name, str(tmp_path / name))
    environment = script_environment(tmp_path / "build", PROFILE="onprem")
    done = run(["bash", "-c", command], environment, timeout=280)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^archived +\S+resnet50\.mar$", done.stdout, re.MULTILINE)
    assert re.search(r"^accuracy +top-1 100\.0%", done.stdout, re.MULTILINE)
    assert len(blocks("sh")) == 2, "every block is run by a test"


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ |&& )(?:[A-Z_]+=\S+ )*make ([a-z]+)", README, re.MULTILINE))
    assert named
    assert named <= targets


@pytest.mark.parametrize(
    "document", sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]), ids=lambda p: p.name
)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target
