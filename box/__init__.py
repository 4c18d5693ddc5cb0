"""The program on a box: takes releases, switches between them, and never leaves the box without one that answers.

Python's standard library only. `kit/bundle` packs this folder into one file, box.pyz.
"""

VERSION = "0.2.0"
