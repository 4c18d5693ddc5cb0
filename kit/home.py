"""`~` in the variables that name files: a shell expands it after `--weights `, and not always after `WEIGHTS=`."""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping

# PICTURES, CALIBRATION and BUNDLE may hold several; ARCH a function behind its file.
VARIABLES = (
    *("ARCH", "BUILD", "BUNDLE", "CALIBRATION", "CERTIFICATE", "CLIENT_CA", "FLEET", "GOLDEN", "HEADER_FILE", "IMAGE"),
    *("JUNIT", "KEY", "LABELS", "MANAGEMENT_HEADER_FILE", "NGINX", "OUT", "PICTURES", "PREPROCESSING", "PRIVATE_KEY"),
    *("PROFILE", "SIGNERS", "SSH_CONFIG", "TORCH_INDEX", "WEIGHTS", "WHEELS"),
)
TILDE = re.compile(r"(?:(?<=^)|(?<=[\s'\"]))~[^\s/'\"]*")


def expand(environment: MutableMapping[str, str]) -> None:
    """`~` and `~user` at the beginning of a path become that home, as a shell would have it; others stay."""
    for name in VARIABLES:
        if "~" in (value := environment.get(name, "")):
            environment[name] = TILDE.sub(lambda found: os.path.expanduser(found[0]), value)  # noqa: PTH111
