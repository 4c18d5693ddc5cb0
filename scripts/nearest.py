"""`nearest.py UNKNOWN… -- KNOWN…`: what make says of variables that the kit does not have. Standard library only."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence


def sentence(unknown: Sequence[str], known: Sequence[str]) -> str:
    """`no variable PRECISON (PRECISION?)`"""
    alike = {name.lower(): name for name in known}
    near = [(name, [alike[one] for one in difflib.get_close_matches(name.lower(), alike, n=1)]) for name in unknown]
    named = ", ".join(f"{name} (did you mean {found[0]}?)" if found else name for name, found in near)
    return f"no such variable: {named}. `make help T=<target>` lists a target's; nothing was done"


if __name__ == "__main__":
    at = sys.argv.index("--")
    print(sentence(sys.argv[1:at], sys.argv[at + 1 :]))
