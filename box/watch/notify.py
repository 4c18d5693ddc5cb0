"""Who this box tells of alerts, as the workstation's fleet file has it. A webhook may be a secret: the file is for root
and the server's user alone.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from box.state.paths import USER, Paths
from common import durable
from common.errors import UsageError
from common.watch import notifying


def target(paths: Paths) -> str:
    """ "" for nobody."""
    try:
        return paths.notify.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def sha256(paths: Paths) -> str:
    """By which a workstation knows whether it is the one of its fleet file; "" for nobody."""
    told = target(paths)
    return hashlib.sha256(told.encode()).hexdigest() if told else ""


def save(paths: Paths, told: Mapping[str, Any]) -> bool:
    """{"notify": target, or notifying.NONE}. True when that was not so before. Raises UsageError for anything else."""
    wanted = told.get("notify")
    if not isinstance(wanted, str):
        raise UsageError("what came on stdin does not say whom to notify", notifying.HINT)
    if wanted == notifying.NONE:
        was = bool(target(paths))
        paths.notify.unlink(missing_ok=True)
        return was
    changed = target(paths) != notifying.checked(wanted)
    if changed:
        durable.write(paths.notify, wanted.encode(), mode=0o640)
        if paths.is_system:
            with suppress(KeyError):
                os.chown(paths.notify, 0, pwd.getpwnam(USER).pw_gid)
    return changed
