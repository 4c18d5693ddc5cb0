"""What this program has put on the box of itself: its own file, and its units. Each start of the server, and a unit of
its own at boot, put back what a power cut or a dying disk took of it.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import box
from box.program import invocation
from box.state.paths import GATEWAY_UNIT, MENDING_UNIT, UNIT, Paths
from box.system import units as systemd
from common import durable, program_copies
from common.errors import KitError

JOURNAL_SETTINGS = "journald@vision-serve.conf"
# In the units, in place of which a box gets the words that start the first whole copy of this program.
PLACEHOLDER = "@BOX_PYZ@"


def program(paths: Paths) -> list[str]:
    """Sentences on what was changed; so too below."""
    own = invocation.own_file()
    return put(paths.program, own.read_bytes(), 0o755, "the program") if own else []


def units(paths: Paths, reload: bool = True) -> list[str]:
    """Write them, and have them start at boot. Not `reload`: systemd is in the middle of starting one of them."""
    changed = [said for path, (name, what) in files(paths).items() for said in put(path, content(name), 0o644, what)]
    if paths.is_system and systemd.are_here():
        if changed and reload:
            _systemctl("daemon-reload")
        changed += [sentence for unit in (UNIT, MENDING_UNIT) for sentence in _enable(unit, reload)]
    return changed


def altered(paths: Paths) -> list[Path]:
    """The units that are not as this program would write them."""
    return [path for path, (name, _) in files(paths).items() if durable.differs(path, content(name))]


def files(paths: Paths) -> dict[Path, tuple[str, str]]:
    """Where each lies on a box: its name in config/systemd, and what it is."""
    return {
        paths.unit: (UNIT, "the systemd unit"),
        paths.gateway_unit: (GATEWAY_UNIT, "the gateway's unit"),
        paths.mending_unit: (MENDING_UNIT, "the unit that repairs this program at boot"),
        paths.journal_settings: (JOURNAL_SETTINGS, "the log's limits"),
    }


def content(name: str) -> bytes:
    """A file of config/systemd, from inside box.pyz or the source tree, as a box has it."""
    if invocation.own_file():
        text = (resources.files("box") / "systemd" / name).read_text(encoding="utf-8")
    else:
        text = (Path(box.__file__).parent.parent / "config/systemd" / name).read_text(encoding="utf-8")
    return text.replace(PLACEHOLDER, _quoted(program_copies.RUN)).encode()


def put(path: Path, wanted: bytes, mode: int, what: str) -> list[str]:
    verb = "replaced" if path.exists() else "wrote"
    return [f"{verb} {path}: {what}"] if durable.write_changed(path, wanted, mode) else []


def _quoted(source: str) -> str:
    """As one word in double quotes of a systemd unit: systemd.syntax(7), systemd.service(5)."""
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("%", "%%"), ("$", "$$")):
        source = source.replace(character, written)
    return f'/usr/bin/python3 -c "{source}"'


def _enable(unit: str, reload: bool) -> list[str]:
    if systemd.systemctl("is-enabled", "--quiet", unit).returncode == 0:
        return []
    _systemctl("enable", "--quiet", *([] if reload else ["--no-reload"]), unit)
    return [f"enabled {unit}: it starts at boot"]


def _systemctl(*words: str) -> None:
    run = systemd.systemctl(*words)
    if run.returncode:
        raise KitError(f"systemctl {words[0]} failed: {run.stderr.strip()}", "fix that on the box, then repeat")
