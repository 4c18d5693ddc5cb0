"""What goes wrong on a box, as an operator reads it.

    BoxError              it failed: exit status 1
    ├── UsageError        it was asked for something that cannot be: exit status 2
    ├── SpaceError        a disk is too full
    ├── signature.Misfit  a signature is not of this manifest
    └── Unreachable       the server's address does not answer

`facts` are further keys of the result, for the desk.
"""

from __future__ import annotations

from typing import Any


class BoxError(Exception):
    exit_status = 1

    def __init__(self, message: str, mend: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend
        self.facts = facts


class UsageError(BoxError):
    exit_status = 2


class SpaceError(BoxError):
    pass


class Unreachable(BoxError):
    pass
