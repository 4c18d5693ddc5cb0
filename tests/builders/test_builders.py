"""A few of torchvision's families as `make builders` tries all of them (docs/torchvision.md has its table)."""

from pathlib import Path

import pytest

from tests.builders.trying import PRECISIONS, builders, try_one, write_weights


@pytest.mark.parametrize("builder", ["mnasnet0_5", "regnet_y_400mf", "shufflenet_v2_x0_5"])
def test_a_builder_is_exported_from_a_state_dict(builder: str, tmp_path: Path) -> None:
    assert builder in builders()
    weights = tmp_path / f"{builder}.pt"
    layers = write_weights(builder, weights)
    for precision in PRECISIONS:
        outcome = try_one(builder, weights, precision, tmp_path)
        assert outcome.said == ""
    assert 0 < outcome.in_float < layers
