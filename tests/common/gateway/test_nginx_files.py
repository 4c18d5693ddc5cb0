from __future__ import annotations

import pytest

from common.gateway import nginx_files
from kit.build import PROJECT


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)\n", "bind() to 0.0.0.0:80 failed"),
        ('2026/11/29 17:00:00 [emerg] 4711#0: mkdir() "/x" failed (13: Permission denied)', 'mkdir() "/x" failed'),
        ("nginx: the configuration file is ok\nnginx: [emerg] open() failed (2: No such file)\n", "open() failed"),
        ('nginx: [warn] a thing\nnginx: [alert] could not open error log file: open() "x"', "could not open error log"),
        ("bash: nginx: not found", "bash: nginx: not found"),
        ("", "it says no reason"),
    ],
)
def test_the_first_cause_is_told_without_what_stands_before_it(said: str, cause: str) -> None:
    assert nginx_files.first_cause(said).startswith(cause)


def test_a_gateway_s_sources_are_every_file_of_its_rooms() -> None:
    found = {str(path.relative_to(PROJECT)) for path in nginx_files.sources(PROJECT)}
    rooms = [*(PROJECT / "config/nginx").iterdir(), *(PROJECT / "gateway").rglob("*")]
    assert found == {str(path.relative_to(PROJECT)) for path in rooms if path.is_file()}
