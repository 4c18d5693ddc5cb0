"""Minutes of many series as few bytes. A series is a number here; a value is a whole one, from 0 up."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping

Minute = dict[int, int]
MINUTES = 60
LEVEL = 9


def pack_minute(values: Mapping[int, int]) -> bytes:
    """Of the series that are not 0."""
    packed, before = bytearray(), 0
    for series in sorted(values):
        if values[series]:
            packed += _number(series - before) + _number(values[series])
            before = series
    return bytes(packed)


def unpack_minute(packed: bytes) -> Minute:
    """Raises ValueError for what `pack_minute` did not make."""
    found, series, numbers = {}, 0, _numbers(packed)
    for step, value in zip(numbers, numbers, strict=True):
        series += step
        found[series] = value
    return found


def pack_hour(minutes: Mapping[int, Mapping[int, int]], gauges: Collection[int]) -> bytes:
    """Of minutes 0 to 59: each series by itself, for its values resemble each other. Of `gauges`, which change little,
    the steps."""
    present = sorted(minutes)
    body = bytearray(sum(1 << minute for minute in present).to_bytes(8, "little"))
    for series in sorted({series for values in minutes.values() for series, value in values.items() if value}):
        body += _number(series + 1)
        before = 0
        for minute in present:
            value = minutes[minute].get(series, 0)
            body += _number(_folded(value - before) if series in gauges else value)
            before = value
    return zlib.compress(bytes(body), LEVEL)


def unpack_hour(packed: bytes, gauges: Collection[int]) -> dict[int, Minute]:
    """Raises ValueError for what `pack_hour` did not make."""
    try:
        body = zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    present = [minute for minute in range(MINUTES) if int.from_bytes(body[:8], "little") >> minute & 1]
    found: dict[int, Minute] = {minute: {} for minute in present}
    numbers = _numbers(body[8:])
    for one in numbers:
        series, before = one - 1, 0
        for minute in present:
            number = next(numbers, None)
            if number is None:
                raise ValueError("it is cut off")
            value = before + _unfolded(number) if series in gauges else number
            before = value
            if value:
                found[minute][series] = value
    return found


def coarser(minutes: Mapping[int, Mapping[int, int]], step: int, gauges: Collection[int]) -> dict[int, Minute]:
    """`step` minutes as one, at the first of them."""
    found: dict[int, Minute] = {}
    for minute, values in sorted(minutes.items()):
        found = merged(found, {minute - minute % step: values}, gauges)
    return found


def merged(
    before: Mapping[int, Mapping[int, int]], more: Mapping[int, Mapping[int, int]], gauges: Collection[int]
) -> dict[int, Minute]:
    """Counts added up, of gauges the later."""
    found = {minute: dict(values) for minute, values in before.items()}
    for minute, values in more.items():
        into = found.setdefault(minute, {})
        for series, value in values.items():
            into[series] = value if series in gauges else into.get(series, 0) + value
    return found


def _folded(value: int) -> int:
    """Small numbers of either sign as small numbers."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def _unfolded(number: int) -> int:
    return -((number + 1) >> 1) if number & 1 else number >> 1


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more come."""
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _numbers(packed: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in packed:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("it is cut off")
