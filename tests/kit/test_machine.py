import os

from common import memory
from kit import machine


def test_this_machine() -> None:
    here = machine.detect()
    assert here.cores == len(os.sched_getaffinity(0))
    assert 0 < here.memory_available <= here.memory_total == memory.allowed()
