"""What .venv-mobile is made of. That it installs is proved by tests/mobile: they run in it."""

import sys
from pathlib import Path

import pytest

from scripts import setup, setup_mobile

LOCK = """\
torch==2.14.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:aa
numpy==2.4.6 \\
    --hash=sha256:ab
"""
MOBILE = """\
executorch==1.5.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:ba
numpy==2.4.6 \\
    --hash=sha256:ab
torch==2.14.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:aa
torchao==0.18.0 \\
    --hash=sha256:bb
"""


def test_what_venv_has_is_not_installed_again() -> None:
    rest = setup_mobile.beside(MOBILE, LOCK)
    assert [block.split("==")[0] for block in setup.blocks(rest)] == ["executorch", "torchao"]
    assert "--hash=sha256:bb" in rest


def test_both_locks_pin_the_same_versions_so_that_one_may_lie_over_the_other() -> None:
    lock, mobile = (
        {block.partition(";")[0].split("\\")[0].strip() for block in setup.blocks(path.read_text())}
        for path in (setup.LOCK, setup_mobile.MOBILE_LOCK)
    )
    names = {requirement.split("==")[0] for requirement in lock}
    assert {requirement for requirement in mobile if requirement.split("==")[0] in names} <= lock
    assert {"executorch==1.5.1", "torch==2.14.1"} <= mobile


def test_everything_is_pinned_by_hash() -> None:
    rest = setup_mobile.beside(setup_mobile.MOBILE_LOCK.read_text(), setup.LOCK.read_text())
    assert [block for block in setup.blocks(rest) if "--hash=sha256:" not in block] == []
    assert not any(setup.TORCH_BUILD.match(block) for block in setup.blocks(rest))


def test_the_overlay_finds_what_is_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_mobile, "VENV_MOBILE", tmp_path / ".venv-mobile")
    packages = tmp_path / ".venv-mobile" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (packages / "site-packages").mkdir(parents=True)
    setup_mobile.look_into(tmp_path / ".venv")
    (written,) = (packages / "site-packages").iterdir()
    found = (packages / "site-packages" / written.read_text().strip()).resolve()
    assert found == (tmp_path / ".venv" / packages.relative_to(tmp_path / ".venv-mobile") / "site-packages").resolve()


def test_a_set_up_that_is_done_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_mobile, "FINGERPRINT", tmp_path / "fingerprint")
    monkeypatch.setattr(setup_mobile, "run", lambda *command: pytest.fail(f"ran {command}"))
    (tmp_path / "fingerprint").write_text(setup_mobile.fingerprint())
    assert setup_mobile.main() == 0
