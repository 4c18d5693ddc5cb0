"""The README, as the tests read it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence

from kit.build import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Its code blocks in these languages, in order: (language, text)."""
    return re.findall(rf"^```({'|'.join(languages)})\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell_commands(beginning: str) -> list[str]:
    """The lines of the one `sh` block that begins so."""
    (text,) = (text for _, text in blocks("sh") if text.startswith(beginning))
    return text.splitlines()


def run(command: Sequence[str], environment: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """In the project's folder; what is said on both streams is in `stdout`, as a terminal shows it."""
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
