"""Which copy of this program is whole? A power cut or a dying SD card may have taken box.pyz; each release on the box
holds another one.

Python source rather than functions: it runs before there is a program to import, in the units and in the workstation's
probe.
"""

from __future__ import annotations

# Sets `program` to the first whole copy, "" when there is none.
FIND = """
import glob, zipfile

def whole(path):
    try:
        return zipfile.ZipFile(path).testzip() is None
    except Exception:
        return False

home = "/opt/vision-serve/"
places = [home + "box.pyz", home + "confirmed/box.pyz", *sorted(glob.glob(home + "releases/*/box.pyz"))]
program = next(filter(whole, places), "")
"""
# Becomes that program, with the arguments that follow.
RUN = (
    FIND
    + """
import os, sys
if not program:
    sys.exit("vision-serve: no copy of box.pyz on this box is whole; the next deployment brings one")
os.execv(sys.executable, [sys.executable, "-u", program, *sys.argv[1:]])
"""
)
