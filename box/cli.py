"""The verbs. Each prints JSON lines; the last one is {"event": "result", "ok": …}. Words for people go to stderr.

Exit status: 0 it is so, 1 it failed, 2 it was asked wrongly.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import box
from box import verbs
from box.program import invocation
from box.state.events import emit, say
from box.state.paths import Paths
from box.system import space
from common.errors import KitError, UsageError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"{self.prog} --help")


def parser() -> Parser:
    top = Parser(prog="box.pyz", description="Releases of a vision model on this box.")
    top.add_argument("--root", type=Path, default=Path("/"), help="a folder that stands for the machine's root")
    owner = os.environ.get("VISION_SERVE_OWNER", "")
    top.add_argument("--owner", default=owner, help="who does it, for lock and history")
    top.add_argument("--version", action="version", version=box.VERSION)
    commands = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, does: str, *, internal: bool = False) -> argparse.ArgumentParser:
        made = commands.add_parser(name, description=does) if internal else commands.add_parser(name, help=does)
        made.add_argument("--owner", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    made = verb("provision", "make users, folders and unit; allowed signers on stdin")
    made.add_argument("--address", default="", help="where to answer predictions, e.g. http://0.0.0.0:8080")
    made.add_argument("--gateway", default="", help="where clients reach it, e.g. 0.0.0.0:8443; 0 for nowhere")
    verb("missing", "which parts of the manifest on stdin are not here")
    verb("receive", "verify a delivery and put it in place").add_argument("release")
    verb("plan", "what activate would do").add_argument("release")
    made = verb("activate", "take a release into service, on trial until it is confirmed")
    made.add_argument("release")
    made.add_argument("--confirm-seconds", type=float, default=60.0)
    verb("confirm", "keep the release on trial").add_argument("release")
    verb("revert", "give up the release on trial now")
    made = verb("rollback", "go back to the release confirmed before; on trial like any other")
    made.add_argument("--to", default="", metavar="RELEASE")
    made.add_argument("--confirm-seconds", type=float, default=60.0)
    verb("status", "what runs, and whether it answers now")
    verb("history", "who did what when").add_argument("-n", type=int, default=20)
    verb("logs", "the server's last lines").add_argument("-n", type=int, default=100)
    verb("doctor", "what is in the way, and what to do")
    made = verb("record", "what the server did, by the minute, packed")
    made.add_argument("--since", type=float, default=0.0, help="only what came after this, in s since 1970")
    made = verb("samples", "the pictures that it keeps for people to label")
    made.add_argument("--take", action="store_true", help="those that the JSON on stdin names, with what is in them")
    verb("keys", "who may ask the gateway, and when each did last")
    verb("change-keys", "take in and end keys, as the JSON on stdin says", internal=True)
    verb("certificate", "show the certificate on stdin from now on", internal=True)
    verb("notify", "tell whom the JSON on stdin names of alerts from now on", internal=True)
    made = verb("lock", "keep other deployers off this box")
    made.add_argument("--break", dest="break_held", action="store_true", help="take it over from whoever holds it")
    verb("unlock", "let them in again")
    for name, does in (
        ("install", "from a bundle file to a confirmed release, with no workstation and no network"),
        ("place", "the same into a container image that is being built, with nothing started"),
    ):
        made = verb(name, does)
        made.add_argument("bundle", type=Path)
        made.add_argument("--address", default="")
        made.add_argument("--gateway", default="")
        made.add_argument("--signers", type=Path, default=None, help="the allowed_signers file this box is to have")
    verb("uninstall", "take away all that install brought, keys and record too")
    made = verb("run", "serve in a container, as its first process, with the gateway in front")
    made.add_argument("--models", type=Path, default=None, help="serve the one bundle in this folder, and no other")
    verb("healthy", "does the container answer rightly, now?")
    verb("serve", "run the current release (the unit's ExecStart)", internal=True)
    made = verb("recover", "choose what to run after a start (the unit's ExecStartPre)", internal=True)
    made.add_argument("--start", action="store_true", help="a start follows: count it, and wait after ones that failed")
    verb("mend", "put back what was damaged of this program's own files (a unit of its own, at boot)", internal=True)
    for name in ("_activate", "_guard"):
        made = verb(name, "internal", internal=True)
        made.add_argument("release")
        made.add_argument("--confirm-seconds", type=float, required=True)
        made.add_argument("--mark", required=True)
    verb("_settle", "internal", internal=True)
    return top


def main(arguments: list[str] | None = None) -> int:
    try:
        asked = parser().parse_args(arguments)
        if running := verbs.RUNNING.get(asked.verb):
            return running(Paths(asked.root), asked)
        changing = asked.verb not in verbs.READING and os.geteuid() == 0
        if changing and (repaired := invocation.repair(Paths(asked.root))):
            say(repaired)
        os.umask(0o022)  # a hardened root's 077 would keep the server's user out of its own release
        result = verbs.VERBS[asked.verb](Paths(asked.root.resolve()), asked)
    except KitError as error:
        return _fail(error.exit_status, error.message, error.hint, error.facts)
    except BrokenPipeError:
        # The reader is gone, as with a cut connection: there is nobody to tell, and nothing to undo.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except PermissionError as error:
        return _fail(1, f"not permitted: {error.filename}", "run it as root: sudo python3 box.pyz …", {})
    except KeyboardInterrupt:
        return _fail(1, "interrupted", "repeat it; what was begun is taken up again", {})
    except OSError as error:
        if told := space.trouble(error, Path(error.filename or "/").parent, asked.verb):
            return _fail(1, told.message, told.hint, {})
        return _fail(1, f"{error.strerror}: {error.filename or ''}".rstrip(": "), "fix that, then repeat", {})
    except Exception as error:
        # A bug of ours. Its place goes to stderr in one line, so that it can be reported.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return _fail(1, f"this program failed at {where}: {type(error).__name__}: {error}", "report this line", {})
    emit({"event": "result"} | result)
    return 0 if result["ok"] else 1


def _fail(status: int, error: str, hint: str, facts: dict[str, Any]) -> int:
    say(f"{error}\n  → {hint}" if hint else error)
    emit({"event": "result", "ok": False, "error": error, "hint": hint} | facts)
    return status


if __name__ == "__main__":
    sys.exit(main())
