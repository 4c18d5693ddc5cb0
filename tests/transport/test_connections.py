"""Few connections, and another try where one is refused."""

from __future__ import annotations

import re
import shlex
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from kit.fleet.ssh import errors
from kit.fleet.ssh.commands import Link
from kit.fleet.ssh.remote import LinkLost, SshRemote
from kit.fleet.ssh.transport import OperatorStopped
from tests.ports import free_port
from tests.transport.sshd import SSHD, Boxes
from tests.transport.workstation import Workstation


def test_a_deployment_is_one_connection_and_another_for_the_confirm(workstation: Workstation) -> None:
    workstation.deploy(workstation.bundle("1.0"))
    assert [workstation.boxes.connections(name) for name in workstation.boxes.names] == [2, 2]
    workstation.run("status")
    assert [workstation.boxes.connections(name) for name in workstation.boxes.names] == [3, 3]
    served = [child for sshd in workstation.boxes.processes for child in psutil.Process(sshd.pid).children()]
    assert psutil.wait_procs(served, 5)[1] == [], "every connection was ended"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "REFUSED_PAUSES", (0.5, 1.0, 4.0))


def test_a_box_that_refuses_connections_for_a_while_is_reached(boxes: Boxes, quick: None) -> None:
    """As one that is just booting does, or whose firewall limits them."""
    port = free_port()
    settings = boxes.folder / "shelf-01/sshd_config"
    late = boxes.folder / "late_config"
    late.write_text(re.sub(r"ListenAddress .*", f"ListenAddress 127.0.0.1:{port}", settings.read_text()))
    config = boxes.folder / "late_ssh_config"
    moved = re.sub(r"Port \d+", f"Port {port}", boxes.ssh_config.read_text(), count=1)
    config.write_text(f"Host *\n  StrictHostKeyChecking no\n{moved}")
    remote = SshRemote(Link("shelf-01", str(config)), threading.Event())
    with pytest.raises(LinkLost, match="Connection refused"):
        remote.call("status", fresh=True)

    def start() -> None:
        time.sleep(2)
        boxes.processes.append(subprocess.Popen([SSHD, "-D", "-f", late, "-E", boxes.folder / "late.log"]))

    starting = threading.Thread(target=start)
    starting.start()
    try:
        assert remote.probe().bits == 64
    finally:
        starting.join()


def test_sshd_at_its_limit_drops_some_and_each_gets_its_turn(tmp_path: Path, programs: None, quick: None) -> None:
    """MaxStartups of a jump host: of many at once some are dropped before they can log in."""
    (tmp_path / "boxes").mkdir()
    boxes = Boxes(tmp_path / "boxes", ("shelf-01",), MaxStartups="2:100:2")
    answers: list[int] = []

    def ask() -> None:
        answers.append(SshRemote(Link("shelf-01", str(boxes.ssh_config)), threading.Event()).probe().bits)

    try:
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        boxes.end()
    assert answers == [64] * 6


def test_the_operator_need_not_wait_for_a_pause(boxes: Boxes) -> None:
    config = boxes.folder / "nobody"
    config.write_text(f"Host shelf-01\n  HostName 127.0.0.1\n  Port {free_port()}\n")
    stopping = threading.Event()
    threading.Timer(0.5, stopping.set).start()
    with pytest.raises(OperatorStopped):
        SshRemote(Link("shelf-01", str(config)), stopping).probe()


@pytest.mark.parametrize("checking", ["ask", "yes"])
def test_a_host_key_that_is_not_the_one_known_says_what_to_do(boxes: Boxes, checking: str) -> None:
    """First it is another one; the command that is told then makes it an unknown one."""
    known = boxes.folder / "shelf-01/known_hosts"
    other = (boxes.folder / "shelf-02/known_hosts").read_text().split()[1:]
    known.write_text(" ".join([known.read_text().split()[0], *other]) + "\n")
    config = boxes.folder / "checking"
    config.write_text(f"Host *\n  StrictHostKeyChecking {checking}\n" + boxes.ssh_config.read_text())
    remote = SshRemote(Link("root@shelf-01", str(config)), threading.Event())
    with pytest.raises(LinkLost, match="host key is another one") as changed:
        remote.probe()
    told = re.search(r"(ssh-keygen .*), and log in", str(changed.value))
    assert told
    subprocess.run(shlex.split(told[1]), check=True, capture_output=True)
    with pytest.raises(LinkLost, match="log in once by hand: ssh root@shelf-01"):
        remote.probe()
