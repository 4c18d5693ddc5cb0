"""The gateway follows the release: when another one serves, or box.json or the certificate changes, nginx is started,
reloaded or stopped. At boot, too: its unit waits for the server's own start.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from box.gateway import nginx, planning
from box.state.events import say
from box.state.paths import USER, Paths
from box.store import releases
from common.errors import KitError
from common.gateway import nginx_files
from common.gateway.nginx_conf import PRIVATE_KEY, WRITTEN


def follow(paths: Paths, release: str | None) -> bool:
    """Have it stand before `release`. False when none is wanted, or something is missing for one, which is said. Raises
    KitError when nginx does not take what was written; one that runs goes on as it was."""
    runs = nginx.of(paths)
    where, manifest = planning.wanted(paths), releases.loaded(paths, release)
    missing = planning.lacking(paths, where, manifest) if where else ""
    if missing:
        say(f"vision-serve: no gateway: {missing}")
    if not where or not manifest or missing:
        runs.stop()
        return False
    files = planning.files(paths, where, manifest)
    nginx_files.write(paths.gateway_run, files)
    user = USER if nginx.by_systemd(paths) else None
    if user:
        _hand_over(paths)
    nginx_files.check(paths.gateway_run, user)
    _apply(runs, files.program)
    return True


def tried(paths: Paths, release: str | None) -> None:
    """`follow`, where nothing may keep the server from its start, or a release from its way back."""
    try:
        follow(paths, release)
    except (KitError, OSError) as error:
        say(f"vision-serve: no gateway: {error}")


def _hand_over(paths: Paths) -> None:
    """What nginx writes into, and the key that it must read. The folder itself stays root's: a program of that user
    can then not make root write elsewhere."""
    user = pwd.getpwnam(USER)
    if not paths.gateway_keys.is_dir():
        paths.gateway_keys.mkdir(parents=True)
    paths.gateway_keys.chmod(0o700)
    os.chown(paths.gateway_keys, user.pw_uid, user.pw_gid)
    for name in (*WRITTEN, PRIVATE_KEY):
        if (paths.gateway_run / name).exists():
            os.chown(paths.gateway_run / name, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _apply(runs: nginx.Nginx, program: Path) -> None:
    """Reloaded, no request is lost. Only another nginx has to be started in its place."""
    pid = runs.pid()
    if not pid:
        runs.start()
    elif Path(f"/proc/{pid}/exe").resolve() == program.resolve():
        runs.reload()
    else:
        runs.stop()
        runs.start()
