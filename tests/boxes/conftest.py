"""A shop whose three boxes run the first release, installed as an operator installs it; and the record of faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.boxes import session
from tests.boxes.box import Box
from tests.boxes.faults import Fault, Record
from tests.boxes.releases import Release, Workshop
from tests.boxes.session import Session
from tests.boxes.shop import Shop, share_runtimes
from tests.boxes.workstation import Outcome, Workstation
from tests.conftest import RunScript

BeginFault = Callable[[str], Fault]
RECORD = pytest.StashKey[Record]()
BARE_DISK_MB = 4096  # wheels, what is unpacked of them, and two releases
DISK_MB = 2048


@pytest.fixture(scope="session")
def boxes_session() -> Iterator[Session]:
    with session.opened() as opened:
        yield opened


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Record:
    return pytestconfig.stash.setdefault(RECORD, Record())


@pytest.fixture(scope="session")
def workshop(boxes_session: Session, run_script: RunScript) -> Workshop:
    folder = boxes_session.folder / "workshop"
    folder.mkdir()
    return Workshop(folder, Workshop.make_key(folder / "signing"), run_script)


@pytest.fixture(scope="session")
def first(workshop: Workshop, record: Record) -> Release:
    release = workshop.good("1.0")
    record.names[release.name] = "old"
    return release


@pytest.fixture(scope="session")
def second(workshop: Workshop, first: Release, record: Record) -> Release:
    """Differs from the first in the model's version only, so boxes take it while they go on answering."""
    release = workshop.good("2.0")
    record.names[release.name] = "new"
    return release


@pytest.fixture(scope="session")
def for_torch(workshop: Workshop, first: Release, record: Record) -> Release:
    """The same model for the other runtime."""
    release = workshop.good("2.5", "torch")
    record.names[release.name] = "new"
    return release


@pytest.fixture(scope="session")
def restarting(workshop: Workshop, first: Release, record: Record) -> Release:
    """Another configuration: the server has to be started again for it."""
    release = workshop.variant(first, "3.0", properties="# a setting changed")
    record.names[release.name] = "new"
    return release


@pytest.fixture(scope="session")
def installed(
    boxes_session: Session, workshop: Workshop, first: Release, record: Record
) -> Iterator[tuple[Shop, Outcome]]:
    """The shop, and what the first installation on a bare box came to: its wheels travel and are installed there.

    The other boxes get the runtime that it made through a layer below their disks, to spare the processor.
    """
    workstation = Workstation(
        boxes_session, boxes_session.folder / "workstation", workshop.allow(boxes_session.folder / "allowed_signers")
    )
    with ExitStack() as stack:
        boxes = [Box(boxes_session, 1, BARE_DISK_MB)]
        stack.callback(boxes[0].destroy)
        boxes[0].boot()
        outcome = workstation.deploy(first, ["box-1"])
        assert outcome.status == 0, f"{outcome.document}\n{outcome.said}"
        layer = share_runtimes(boxes[0], boxes_session.folder / "runtimes")
        for number in (2, 3):
            boxes.append(Box(boxes_session, number, DISK_MB, (layer,)))
            stack.callback(boxes[-1].destroy)
            boxes[-1].boot()
        shop = Shop(boxes_session, tuple(boxes), workstation, first, workshop.golden)
        others = workstation.deploy(first, ["box-2", "box-3"])
        assert others.status == 0, f"{others.document}\n{others.said}"
        for one in (outcome, others):
            record.keep_steps(one.document["boxes"])
        yield shop, outcome


@pytest.fixture
def shop(installed: tuple[Shop, Outcome]) -> Shop:
    """All boxes up, reachable, with room, running the first release."""
    installed[0].restore()
    return installed[0]


@pytest.fixture
def fault(shop: Shop, record: Record) -> Iterator[BeginFault]:
    """`fault("the power goes")` opens a row of the table; what the boxes run is asked when the test has passed."""
    opened: list[Fault] = []
    began = time.monotonic()

    def begin(what: str) -> Fault:
        opened.append(Fault(what))
        return opened[-1]

    yield begin
    passed = [each for each in opened if each.came]  # what came of it is a test's last word
    for each in passed:
        each.seconds = time.monotonic() - began
        each.after = shop.all_running()
    record.faults += passed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    record = config.stash.get(RECORD, None)
    if record and record.faults:
        record.save()
        terminalreporter.section("faults tried")
        terminalreporter.write_line(record.table())
