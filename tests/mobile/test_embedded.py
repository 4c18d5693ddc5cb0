"""The embedded model as ExecuTorch's files: as good as its card says, small, and in XNNPACK."""

import re

import pytest
import torch

from kit.mobile.formats import pte
from tests.mobile.conftest import Delivered, Delivery

pytestmark = pytest.mark.timeout(3000)  # the first to run makes them: two minutes, and more on a busy machine

RIGHT = 142  # of the 215 pictures, by the original


def test_every_format_is_as_good_as_the_gate_wants(embedded: Delivery) -> None:
    rows = embedded.report["files"]
    assert [(row["format"], row["precision"], row["input"]) for row in rows] == [
        (name, precision, given)
        for name, precision in (("pte", "fp32"), ("pte", "int8"))
        for given in ("pixels", "floats")
    ]
    for row in rows:
        assert row["pictures"] == 215
        assert round(row["original_accuracy"] * 215) == RIGHT
        assert row["agreement"] >= (1.0 if row["precision"] == "fp32" else 0.98), row
        assert row["original_accuracy"] - row["accuracy"] <= 0.0101, row


def test_int8_is_a_quarter_of_the_size(embedded: Delivery) -> None:
    sizes = {(row["format"], row["precision"], row["input"]): row["size"] for row in embedded.report["files"]}
    for given in ("pixels", "floats"):
        assert sizes["pte", "int8", given] < 0.3 * sizes["pte", "fp32", given]


def test_the_output_is_the_table_and_nothing_of_the_libraries_own_noise(embedded: Delivery) -> None:
    lines = embedded.stdout.splitlines()
    for row, line in zip(embedded.report["files"], lines[1:], strict=False):
        assert line.split()[:3] == [row["format"], row["precision"], row["input"]]
        assert f"{row['agreement']:.1%}" in line
        assert f"{row['size'] / 1e6:.1f} MB" in line
    assert not re.search(r"cpuinfo|Warning|deprecated|Traceback|W\d{4} ", embedded.stderr), embedded.stderr


def test_a_file_refuses_the_other_files_input(embedded: Delivery) -> None:
    folder = embedded.folder / "resnet18-pte-fp32"
    taken = pte.load(folder / "resnet18-pixels.pte")
    other = pte.load(folder / "resnet18-floats.pte")
    assert taken.input is not None
    assert other.input is not None
    floats = torch.zeros(other.input.shape)
    assert other.run(floats).shape == (1, 43)
    with pytest.raises(RuntimeError):
        taken.run(floats)


def test_executorch_runs_the_network_in_xnnpack(embedded: Delivery) -> None:
    for name in ("resnet18-pte-fp32", "resnet18-pte-int8"):
        for file in Delivered(embedded.folder / name).files:
            assert file["build"]["backend"] == "XNNPACK"
            outside = file["build"]["operators_outside_backend"]
            assert not any(re.search(r"conv|linear|addmm|pool|quantize", operator) for operator in outside), outside
