"""Set-up's decisions. That it installs is proved by every run of the tests: they run in what it made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.build import PROJECT
from scripts import pip_settings, setup
from scripts.setup import MadeWith, SetupError

LOCK = """\
filelock==4.2.11 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
nvidia-cublas==13.1 ; platform_machine == 'x86_64' and sys_platform == 'linux' \\
    --hash=sha256:ba
torch==2.9.1 ; platform_machine == 'aarch64' \\
    --hash=sha256:ca
torch==2.14.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:cb
torch-model-archiver==0.12.0 \\
    --hash=sha256:da
torchvision==0.29.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:ea
"""


def test_another_torch_build_brings_its_own_companions() -> None:
    rest = setup.without_torch_build(LOCK)
    assert [line.split("==")[0] for line in rest.splitlines() if "==" in line] == ["filelock", "torch-model-archiver"]
    assert "--hash=sha256:ab" in rest
    assert "sha256:ba" not in rest


def test_torch_pins_are_those_of_the_processor() -> None:
    assert setup.torch_pins(LOCK, "x86_64") == ["torch==2.14.1", "torchvision==0.29.1"]
    assert setup.torch_pins(LOCK, "aarch64") == ["torch==2.9.1"]


def test_the_real_lock_pins_both_processors() -> None:
    lock = setup.LOCK.read_text()
    assert setup.torch_pins(lock, "x86_64") == ["torch==2.14.1", "torchvision==0.29.1"]
    assert setup.torch_pins(lock, "aarch64") == ["torch==2.9.1", "torchvision==0.24.1"]
    unhashed = [block for block in setup.blocks(lock) if "--hash=sha256:" not in block]
    assert unhashed == []
    assert not any(setup.TORCH_BUILD.match(block) for block in setup.blocks(setup.without_torch_build(lock)))


def test_set_up_does_not_remove_the_uv_that_it_installs_with() -> None:
    pins = {block.split()[0] for lock in (setup.LOCK, setup.UV_LOCK) for block in setup.blocks(lock.read_text())}
    assert {pin for pin in pins if pin.startswith("uv==")} == {"uv==0.13.9"}


def test_the_fingerprint_follows_what_it_depends_on() -> None:
    assert setup.fingerprint("") == setup.fingerprint("")
    assert setup.fingerprint("") != setup.fingerprint("https://example.org/cpu")


def test_what_an_own_network_imports_is_installed_beside_the_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(setup, "run", lambda *command: ran.append(command))
    monkeypatch.setattr(setup, "OWN", tmp_path / "own.txt")
    before = setup.fingerprint("")
    setup.install_own()
    assert ran == []
    (tmp_path / "own.txt").write_text("timm\n")
    setup.install_own()
    assert setup.fingerprint("") != before
    assert [part for part in ran[0] if part in (setup.LOCK, setup.OWN)] == [setup.LOCK, setup.OWN]


def test_a_set_up_that_is_done_is_skipped_without_a_word() -> None:
    environment = os.environ | {"TORCH_INDEX": os.environ.get("TORCH_INDEX", "")}
    base = Path(sys.base_prefix) / "bin" / "python3"
    again = subprocess.run([base, PROJECT / "scripts" / "setup.py"], env=environment, capture_output=True, text=True)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


HERE, SMALL = MadeWith("/usr/bin/python3", ""), MadeWith("/usr/bin/python3.12", "https://example.org/cpu")


def test_what_the_venv_was_made_with_is_kept() -> None:
    assert setup.decide(None, HERE, [], chosen=False) == HERE
    assert setup.decide(SMALL, HERE, [], chosen=False) == SMALL
    assert setup.decide(SMALL, HERE, [], chosen=True) == SMALL


def test_only_set_up_itself_changes_it() -> None:
    here = MadeWith("/usr/bin/python3", "https://example.org/mirror")
    assert setup.decide(SMALL, here, ["TORCH_INDEX"], chosen=True) == MadeWith(SMALL.python, here.torch_index)
    assert setup.decide(SMALL, here, ["PYTHON"], chosen=True) == MadeWith(here.python, SMALL.torch_index)
    with pytest.raises(SetupError, match=r"`make setup TORCH_INDEX=…`"):
        setup.decide(SMALL, here, ["TORCH_INDEX"], chosen=False)
    assert setup.decide(SMALL, SMALL, ["PYTHON", "TORCH_INDEX"], chosen=False) == SMALL


def test_a_venv_whose_python_is_gone_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "MADE_WITH", tmp_path / "made-with.json")
    assert setup.remembered() is None
    for text, found in (
        ('{"python": "/no/such/python", "torch_index": ""}', None),
        (f'{{"python": "{sys.executable}", "torch_index": "x"}}', MadeWith(sys.executable, "x")),
        ("[]", None),
        ("{", None),
    ):
        (tmp_path / "made-with.json").write_text(text)
        assert setup.remembered() == found


def test_pips_own_index_is_uvs_too() -> None:
    shown = """\
:env:.index-url='https://mirror.example/simple'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.find-links='/opt/wheels'
global.timeout='60'
install.trusted-host='mirror.example'
"""
    assert pip_settings.uv_settings(shown) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/opt/wheels",
        "UV_INSECURE_HOST": "mirror.example",
    }


def test_settings_for_another_place_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.delenv("UV_CACHE_DIR")
    monkeypatch.delenv("HOME")
    told = pip_settings.environment(tmp_path)
    assert (told["PIP_USER"], told["PIP_REQUIRE_VIRTUALENV"], "PIP_TARGET" in told) == ("0", "0", False)
    assert told["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert told["UV_CACHE_DIR"] == str(tmp_path / ".cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "UV_CACHE_DIR" not in pip_settings.environment(tmp_path)


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 15, 0)])
def test_a_python_without_torch_wheels_is_refused(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "remembered", lambda: None)
    monkeypatch.setattr(sys, "version_info", version)
    assert setup.main() == 1
    assert "3.10 to 3.14 is needed" in capsys.readouterr().err


def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(setup, "remembered", lambda: None)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert setup.main() == 1
    assert "riscv64" in capsys.readouterr().err
