import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from common.durable import sha256
from common.errors import KitError, UsageError
from kit.model.deprecated import torchscript
from kit.model.export import export
from kit.model.servable import example
from tests.support_models import PREPROCESSING, Workshop


def run(workshop: Workshop, arch: str = "", name: str = "tiny") -> None:
    export(workshop.profile, workshop.request(arch, model_name=name))


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_an_own_network_is_exported_measured_and_described(workshop: Workshop) -> None:
    run(workshop)
    build = workshop.profile.build
    report = json.loads(build.export_report.read_text())
    assert report["architecture"] == "net.py:make"
    assert report["weights"] == {"source": "own checkpoint tiny.safetensors", "sha256": sha256(workshop.weights)}
    assert report["comparison"]["top1_agreement"] == report["comparison"]["top1_accuracy"] == 1.0
    assert report["comparison"]["largest_difference"] < 1e-5
    assert report["model"]["sha256"] == sha256(build.model("model.pt"))
    assert json.loads(build.labels.read_text()) == {"0": "blue", "1": "green", "2": "red"}
    answer = torchscript.load(build.model("model.pt"))(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert answer.shape == (2, 3)
    assert str(workshop.folder) not in build.export_report.read_text()


def test_the_golden_folder_holds_one_clear_picture_a_label(workshop: Workshop) -> None:
    run(workshop)
    golden = workshop.profile.build.golden
    listed = json.loads((golden / "golden.json").read_text())
    assert (listed["model"], listed["tolerance"]) == ("tiny", 0.05)
    assert {next(iter(row["expected"])) for row in listed["pictures"]} == {"blue", "green", "red"}
    assert {path.name for path in golden.iterdir()} == {"golden.json", *(row["file"] for row in listed["pictures"])}
    for row in listed["pictures"]:
        values = list(row["expected"].values())
        assert values == sorted(values, reverse=True)


def test_an_export_again_drops_golden_pictures_of_the_one_before(workshop: Workshop) -> None:
    run(workshop)
    for picture in workshop.pictures.rglob("*.png"):
        picture.rename(picture.with_name(f"new_{picture.name}"))
    run(workshop)
    names = {path.name for path in workshop.profile.build.golden.iterdir()}
    assert all(name.startswith("new_") for name in names - {"golden.json"})


GRAY = """
from torch import nn

class Gray(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.head(self.norm(self.convolution(x)).relu().mean((2, 3)))

def make(num_classes):
    return Gray(num_classes)
"""


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_network_of_one_channel_is_exported(workshop: Workshop, precision: str) -> None:
    """Its answers depend on how bright a picture is."""
    weights = {
        "convolution.weight": torch.full((4, 1, 3, 3), 0.3),
        "convolution.bias": torch.zeros(4),
        "norm.weight": torch.ones(4),
        "norm.bias": torch.zeros(4),
        "norm.running_mean": torch.zeros(4),
        "norm.running_var": torch.ones(4),
        "head.weight": torch.tensor([[-1.0], [0.0], [1.0]]).expand(3, 4).contiguous(),
        "head.bias": torch.tensor([4.0, 1.0, -4.0]),
    }
    save_file(weights, str(workshop.weights))
    arch = workshop.write_network("gray.py", GRAY)
    with pytest.raises(KitError, match="1 channel") as raised:
        run(workshop, arch)
    assert '"channels": 1' in raised.value.hint
    steps = {**PREPROCESSING, "mean": [0.1307], "std": [0.3081], "channels": 1, "fit": "squash"}
    (workshop.folder / "preprocessing.json").write_text(json.dumps(steps))
    workshop.profile.model_config.write_text(f"handler: {{precision: {precision}}}\n")
    report = export(workshop.profile, workshop.request(arch)).report
    assert report["comparison"]["top1_agreement"] == 1.0
    assert json.loads(workshop.profile.build.preprocessing.read_text()) == steps


BRANCH = """
import torch
from net import Tiny

class Branching(Tiny):
    def forward(self, x):
        if (x[..., 1:] - x[..., :-1]).abs().mean() < 0.1:  # a flat picture
            return super().forward(x).flip(1)
        return super().forward(x)

def make(num_classes):
    return Branching(num_classes)
"""
BAKED = """
from net import Tiny

class Baked(Tiny):
    def forward(self, x):
        return super().forward(x).reshape(int(x.shape[0]), -1).view(int(len(x)), 3)

def make(num_classes):
    return Baked(num_classes)
"""
ON_THE_WHOLE_BATCH = """
from net import Tiny

class Summed(Tiny):
    def forward(self, x):
        size = len(x.tolist())
        return super().forward(x) * size

def make(num_classes):
    return Summed(num_classes)
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BRANCH, "does not answer like the original"),
        (ON_THE_WHOLE_BATCH, "differently when others are beside it"),
        (BAKED, "at once"),
    ],
    ids=["branch", "size", "reshape"],
)
def test_a_model_that_disagrees_is_not_written_and_the_earlier_one_stays(
    workshop: Workshop, text: str, said: str
) -> None:
    run(workshop)
    before = files(workshop.profile.build.folder)
    arch = workshop.write_network("differs.py", text)
    with pytest.raises(KitError, match=said):
        run(workshop, arch)
    assert files(workshop.profile.build.folder) == before


def test_a_refused_first_export_leaves_nothing(workshop: Workshop) -> None:
    with pytest.raises(KitError):
        run(workshop, workshop.write_network("differs.py", BRANCH))
    assert files(workshop.profile.build.folder) == {}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "int8"])
@pytest.mark.parametrize("asked", ["profile", "variable"])
def test_every_precision_answers_like_the_original(workshop: Workshop, precision: str, asked: str) -> None:
    request = workshop.request()
    if asked == "profile":
        workshop.profile.model_config.write_text(f"handler: {{precision: {precision}}}\n")
    else:
        request = replace(request, precision=precision)
    report = export(workshop.profile, request).report
    assert (report["precision"], report["comparison"]["top1_agreement"]) == (precision, 1.0)
    assert report["comparison"]["largest_difference"] < {"fp32": 1e-5}.get(precision, 0.02)
    answer = torchscript.load(workshop.profile.build.model("model.pt"))(example(3, 32))
    assert answer.dtype == torch.float32
    assert torch.allclose(answer.sum(dim=1), torch.ones(3), atol=1e-3)


def test_auto_is_resolved_and_both_are_in_the_report(workshop: Workshop) -> None:
    report = export(workshop.profile, replace(workshop.request(), precision="auto")).report
    assert report["precision_asked"] == "auto"
    assert report["precision"] in ("fp32", "fp16", "int8")


@pytest.mark.parametrize("section", ["{precision: int3}", "{precision: 16}", "5"])
def test_an_unknown_precision_is_wrong_use(workshop: Workshop, section: str) -> None:
    workshop.profile.model_config.write_text(f"handler: {section}\n")
    with pytest.raises(UsageError, match=r"model-config\.yaml"):
        run(workshop)


def test_a_model_name_that_torchserve_refuses_is_wrong_use(workshop: Workshop) -> None:
    with pytest.raises(UsageError, match="MODEL_NAME=my model"):
        run(workshop, name="my model")


def test_pictures_that_are_not_the_models_are_compared_without_accuracy(workshop: Workshop) -> None:
    (workshop.pictures / "red").rename(workshop.pictures / "scarlet")
    done = export(workshop.profile, workshop.request())
    assert done.report["comparison"]["top1_accuracy"] is None
    assert any("no accuracy to tell" in note for note in done.notes)
