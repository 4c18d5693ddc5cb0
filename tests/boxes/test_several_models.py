"""A release of two models on a box: behind its gateway, with keys of their own, one of them renewed under load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.boxes.releases import Release, Workshop
from tests.boxes.shop import Shop
from tests.boxes.test_gateway import Till, till_at

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes


@pytest.fixture(scope="session")
def sold(workshop: Workshop, first: Release) -> tuple[Release, Release]:
    """The second has another version of the second model. `first` comes before them: its export is theirs."""
    return workshop.several(shelf="1.0", produce="1.0"), workshop.several(shelf="1.0", produce="2.0")


@pytest.fixture
def till(shop: Shop) -> Iterator[Till]:
    with till_at(shop, shop.boxes[1]) as (made, _):
        yield made
        for name in ("till-7", "shelf-only"):
            made.workstation.printed("key", [made.box.name], REVOKE=name)


def test_two_models_one_renewed_while_the_other_answers(till: Till, sold: tuple[Release, Release]) -> None:
    both, renewed = sold
    box, workstation = till.box.name, till.workstation
    done = workstation.deploy(both, [box])
    assert done.status == 0, f"{done.document}{done.said}"
    shelf, produce = replace(till, model="shelf"), replace(till, model="produce")
    assert shelf.is_answered() and produce.is_answered()

    header = workstation.printed("key", [box], NAME="shelf-only", MODELS="shelf")
    limited = replace(shelf, key=header.strip().removeprefix("Authorization: Bearer "))
    assert limited.is_answered()
    assert replace(limited, model="produce").ask(till.shop.golden[0]).status_code == 403

    assert set(shelf.answers_during(renewed)) == {"200"}
    status = workstation.status([box])[box]
    assert {one["name"]: one["version"] for one in status["models"]} == {"shelf": "1.0", "produce": "2.0"}
    assert (status["answers"], len(status["workers"])) == (True, 2)
    assert workstation.doctor(box) == []

    assert workstation.rollback([box]).status == 0
    assert set(map(str, workstation.status([box])[box]["models"])) != set(map(str, status["models"]))
    assert produce.is_answered()
