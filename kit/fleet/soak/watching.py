"""What the boxes of a roll-out did in a soak, from their own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.watch.record import reading
from common.watch.record.recorder import DAY, added
from kit.fleet.host import records
from kit.fleet.soak import comparison
from kit.fleet.soak.comparison import Comparison, Seen
from kit.fleet.ssh.remote import Remote
from kit.report import copies
from kit.report.document import active

MINUTE = 60


def judge(
    remotes: Mapping[str, Remote],
    folder: Path,
    parallel: int,
    new: Sequence[str],
    old: Sequence[str],
    changed: float,
    since: float,
) -> Comparison:
    """Compare the boxes `new` and `old` by what they recorded from `since` on. `changed`: when the first of them was
    about to get the new release. Copies of the records are kept in `folder`; of a box that is out of reach there is
    nothing to compare. Times in s since 1970."""
    asked = {box: remote for box, remote in remotes.items() if box in new or box in old}
    reached = {one.box for one in records.fetch(asked, folder, parallel) if not one.error}
    seen = {box: _seen(box, copies.path(folder, box), changed, since, box in old) for box in reached}
    if not reached.intersection(new):
        return Comparison(unproven=f"{', '.join(new)}: out of reach, so nothing speaks for the release")
    return comparison.compare(list(_of(new, seen)), list(_of(old, seen)))


def _of(boxes: Sequence[str], seen: Mapping[str, Seen]) -> Iterator[Seen]:
    return (seen[box] for box in boxes if box in seen)


def _seen(box: str, copy: Path, changed: float, since: float, old: bool) -> Seen:
    """`old`: it has the old release, and all its alerts count; of a box with the new one those that it did not have."""
    record, events = reading.read(copy, changed - DAY), reading.events(copy)
    now: dict[str, int] = {}
    before: dict[str, int] = {}
    for at, values in record.minutes:
        if at >= since:
            now = added(now, values)
        elif at + MINUTE <= changed:
            before = added(before, values)
    had = active([event for event in events if event.at < changed])
    alerts = active(events if old else [event for event in events if event.at >= changed])
    return Seen(box, now, before, {name: words for name, words in alerts.items() if old or name not in had})
