"""The pictures that int8 is calibrated on: nobody has to have named what they show."""

from __future__ import annotations

from collections.abc import Sequence

from kit.model.pictures import choosing
from kit.model.pictures.choosing import Picture
from kit.model.source.request import Request
from kit.model.source.resolving import EMBEDDED_CALIBRATION, Source

MOST = 256  # ranges settle with some hundred pictures; each costs a tenth of a second


def pictures_for(source: Source, request: Request) -> tuple[Sequence[Picture], tuple[str, ...]]:
    """Some of CALIBRATION; else the embedded model's own, for other weights PICTURES. And remarks for the user."""
    wanted = request.calibration
    notes: tuple[str, ...] = ()
    if not wanted and request.weights:
        wanted, notes = request.pictures, (_same(request.pictures),)
    found = choosing.find(wanted or str(EMBEDDED_CALIBRATION), "CALIBRATION")
    return choosing.some(found.pictures, MOST), (*notes, *found.notes)


def _same(folder: str) -> str:
    if folder:
        return "int8 was calibrated on PICTURES, on which it was compared too: CALIBRATION=<others> is a stricter test"
    return "int8 was calibrated on the embedded photographs of groceries: CALIBRATION=<photographs like yours>"
