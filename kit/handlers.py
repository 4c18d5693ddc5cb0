"""Puts the handler's own modules on the path, for what the kit has to do just as a worker does. In an archive they lie
side by side and belong to no package.
"""

from __future__ import annotations

import sys

from kit.build import PROJECT

HANDLERS = PROJECT / "handlers"

if str(HANDLERS) not in sys.path:
    sys.path.append(str(HANDLERS))
