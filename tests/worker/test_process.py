"""Which of a process's mappings can be let go of, by what the kernel says of them."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from worker import process

SMAPS = """\
7f0000000000-7f0000002000 {rights} 00001000 fe:00 {inode}                     {path}
Size:                  8 kB
Rss:                   8 kB
Anonymous:             {anonymous} kB
Swap:                  {swap} kB
VmFlags: rd mr mw me
"""
LIBRARY = {"rights": "r-xp", "inode": 77, "path": "/lib/libtorch.so", "anonymous": 0, "swap": 0}


@pytest.mark.parametrize("rights", ["r-xp", "r--p"])
def test_code_and_constants_of_a_library_can_be_read_again(rights: str) -> None:
    assert list(process.read_only_mappings(SMAPS.format(**LIBRARY | {"rights": rights}))) == [
        (0x7F0000000000, 0x7F0000002000)
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"rights": "rw-p"},
        {"rights": "r--s"},
        {"anonymous": 4},  # relocated, then protected
        {"swap": 8},
        {"inode": 0, "path": "[vdso]"},
        {"inode": 0, "path": ""},
    ],
)
def test_what_was_written_or_may_be_stays(other: dict[str, object]) -> None:
    whole = SMAPS.format(**LIBRARY | other) + SMAPS.format(**LIBRARY)
    assert len(list(process.read_only_mappings(whole))) == 1


def test_a_process_goes_on_and_has_less_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "library"
    content = os.urandom(8 << 20)
    file.write_bytes(content)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapped:
        assert mapped[:] == content
        before = resident(file)
        process.forget_read_pages()
        assert (before, resident(file)) == (8 << 10, 0)
        assert mapped[:] == content
    assert np.linalg.inv(np.eye(300) * 2)[7, 7] == 0.5


def resident(file: Path) -> int:
    """kB of it in this process's memory."""
    smaps = Path("/proc/self/smaps").read_text()
    return int(smaps.split(str(file))[1].split("Rss:")[1].split()[0])
