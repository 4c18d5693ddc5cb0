"""The README's way to boxes, line by line: archive, bundle, one box, the fleet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.boxes.conftest import BeginFault
from tests.boxes.releases import PLATFORM, Workshop
from tests.boxes.shop import Shop
from tests.readme import run, shell_commands

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes


def in_the_shop(shop: Shop, workshop: Workshop) -> Callable[[str], str]:
    """A line of the README with this test's files and boxes in it. The boxes have this machine's processor."""
    fleet = shop.workstation.fleet(shop.names)
    places = {
        "PLATFORM=linux_aarch64": f"PLATFORM={PLATFORM}",
        "PROFILE=edge": f"PROFILE={workshop.profile()}",
        "~/.ssh/id_ed25519": str(workshop.key),
        "pi@shelf-01": shop.names[0],
        "SIGNERS=allowed_signers": f"SIGNERS={shop.workstation.signers}",
        "fleet.yaml": str(fleet),
    }

    def line(shown: str) -> str:
        for there, here in places.items():
            shown = shown.replace(there, here)
        return shown

    return line


def test_the_commands_of_the_readme_bring_a_release_to_every_box(
    shop: Shop, workshop: Workshop, fault: BeginFault
) -> None:
    tried = fault("none: the README's own commands")
    line = in_the_shop(shop, workshop)
    commands = shell_commands("make archive PROFILE=edge")
    assert [command.split()[1] for command in commands] == ["archive", "bundle", "deploy", "deploy"]
    environment = workshop.environment("7.0") | {"SSH_CONFIG": str(shop.session.ssh_config)}
    for command in commands:
        shell = ("bash", "-c", line(command))
        # The boxes are in a network of their own; what makes a bundle asks a package index.
        within = shop.session.network.within(*shell) if "make deploy" in command else shell
        done = run(within, environment, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
    running = set(shop.all_running().values())
    assert len(running) == 1
    assert running.pop().startswith("resnet18-7.0-")
    tried.came = "deployed to one box by name, then to the fleet"
