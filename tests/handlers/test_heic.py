"""HEIC where its optional decoder is installed: here a stand-in for it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from kit.build import PROJECT

# As pillow_heif does, it says None where a picture has no Exif.
DECODER = """
from PIL import Image

def opened(file, name):
    picture = Image.new("RGB", (40, 30), (200, 10, 20))
    picture.info["exif"] = None
    return picture

def register_heif_opener():
    Image.register_open("HEIF", opened, lambda start: start[4:12] == b"ftypheic")
"""
TRY = """
import kit.handlers
from pathlib import Path
from kit.model.pictures import choosing, decoding
from kit.model.source import preprocessing
found = choosing.find("{folder}", "PICTURES")
pixels = decoding.decode(found.pictures[0].file, preprocessing.IMAGENET_DEFAULT)
print(len(found.pictures), found.notes, tuple(pixels.shape), pixels[:, 0, 0].tolist())
"""


def test_a_heic_picture_is_read_and_found_where_its_decoder_is(tmp_path: Path) -> None:
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / "pillow_heif.py").write_text(DECODER)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100))
    done = subprocess.run(
        [sys.executable, "-c", TRY.format(folder=tmp_path / "pictures")],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "decoder")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "1 () (3, 224, 224) [200, 10, 20]", done.stderr
