"""What the commands, and the program on a box, say when something is wrong.

    KitError              it failed: exit status 1
    ├── UsageError        it was asked for something that cannot be: exit status 2
    ├── SpaceError        a disk is too full
    └── Unreachable       the server's address does not answer

They are shown without a traceback, so raise them for whatever a user can run into, and nothing else: a bug should
still show where it is.
"""

from __future__ import annotations

from typing import Any


class KitError(Exception):
    """Something failed that the user can do something about.

    `message` says what failed and on what; `hint` is the command or the change that puts it right. `facts` are further
    keys of a JSON result.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts


class UsageError(KitError):
    """The request itself is wrong: an unknown name, a file that does not exist, options that clash."""

    exit_status = 2


class SpaceError(KitError):
    pass


class Unreachable(KitError):
    pass
