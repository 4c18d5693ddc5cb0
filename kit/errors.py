"""What the commands say when something is wrong.

    KitError          the thing failed: exit status 1
    └── UsageError    the command was asked for something that cannot be: exit status 2

Both carry what failed, on what input, and how to mend it. They are shown without a traceback, so raise them
for whatever a user can run into, and nothing else: a bug should still show where it is.
"""

from __future__ import annotations


class KitError(Exception):
    """Something failed that the user can do something about.

    `message` says what failed and on what; `mend` is the command or the change that puts it right.
    """

    exit_status = 1

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


class UsageError(KitError):
    """The request itself is wrong: an unknown name, a file that is not there, options that clash."""

    exit_status = 2
