"""What pip and uv are told when they fill .venv: the user's own settings, as far as they are not of another place.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
from pathlib import Path

# pip's settings that uv has a variable of its own for.
AS_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


def environment(venv: Path) -> dict[str, str]:
    """For pip and uv: their own settings for this user count (an index, a proxy, a certificate), but for those that
    would install elsewhere than in `venv`."""
    found = dict(os.environ) | {"VIRTUAL_ENV": str(venv), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "PYTHONPATH"):
        found.pop(name, None)
    found |= {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}  # over what pip.conf says
    if not os.access(Path(found.get("HOME") or "/nonexistent"), os.W_OK):
        found.setdefault("UV_CACHE_DIR", str(venv / ".cache"))
        found.setdefault("PIP_NO_CACHE_DIR", "1")
    return found


def uv_settings(pip_config: str) -> dict[str, str]:
    """uv does not read pip's settings; a machine whose pip is pointed at a mirror wants uv there too. `pip_config` is
    what `pip config list` prints: `global.index-url='https://…'` a line, the environment's last."""
    found: dict[str, str] = {}
    for line in pip_config.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in ("global", "install", ":env:") and name in AS_UV:
            said = value.strip().strip("'\"").replace("\\n", " ").split()
            found[AS_UV[name]] = (",".join if name == "find-links" else " ".join)(said)
            if name == "extra-index-url":  # which of them holds a version is all the same to pip
                found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found
