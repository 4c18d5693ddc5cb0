import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from common.errors import KitError, UsageError
from kit.model.source import imagenet
from kit.model.source.request import Request
from kit.model.source.resolving import resolve
from tests.support_models import Workshop, state


def test_with_nothing_given_the_embedded_model_is_taken() -> None:
    source = resolve(Request())
    assert (source.architecture.name, len(source.labels), source.preprocessing.resize) == ("resnet18", 43, 224)
    assert source.weights_sha256.startswith("d5b3c2dc")
    assert next(source.network.parameters()).dtype == torch.float32


def test_another_network_needs_weights() -> None:
    with pytest.raises(UsageError, match="ARCH=resnet50 needs weights") as raised:
        resolve(Request("resnet50"))
    assert "WEIGHTS=imagenet" in raised.value.hint


def test_what_lies_beside_the_weights_is_used_and_said(workshop: Workshop) -> None:
    source = resolve(workshop.request())
    assert source.labels == ["blue", "green", "red"]
    assert source.preprocessing.crop == 32
    assert "labels: labels.txt, found beside the weights" in source.notes
    assert "preprocessing: preprocessing.json, found beside the weights" in source.notes


def test_weights_without_labels_are_wrong_use(workshop: Workshop) -> None:
    (workshop.folder / "labels.txt").unlink()
    with pytest.raises(UsageError, match=r"no labels for tiny\.safetensors"):
        resolve(workshop.request())


def test_labels_must_be_as_many_as_classes(workshop: Workshop) -> None:
    labels = workshop.folder / "four.json"
    labels.write_text(json.dumps(["a", "b", "c", "d"]))
    with pytest.raises(UsageError, match="was trained on 3 classes, the labels name 4"):
        resolve(workshop.request(labels=str(labels)))


def test_labels_must_be_as_many_as_outputs_of_a_fixed_network(workshop: Workshop) -> None:
    fixed = (workshop.folder / "net.py").read_text().replace("def make(num_classes):", "def make():")
    arch = workshop.write_network("fixed.py", fixed.replace("return Tiny(num_classes)", "return Tiny(3)"))
    (workshop.folder / "labels.txt").write_text("a\nb\n")
    with pytest.raises(UsageError, match="has 3 outputs, the labels name 2"):
        resolve(workshop.request(arch))


def test_without_preprocessing_an_own_network_gets_imagenets_and_is_told(workshop: Workshop) -> None:
    (workshop.folder / "preprocessing.json").unlink()
    source = resolve(workshop.request())
    assert source.preprocessing.crop == 224
    assert any("ASSUMED" in note for note in source.notes)


def test_without_preprocessing_a_torchvision_network_gets_its_own(workshop: Workshop) -> None:
    (workshop.folder / "preprocessing.json").unlink()
    from torchvision.models import efficientnet_b1

    save_file(efficientnet_b1(num_classes=3).state_dict(), str(workshop.weights))
    source = resolve(workshop.request("efficientnet_b1"))
    assert (source.preprocessing.resize, source.preprocessing.crop) == (255, 240)
    assert any("torchvision's for efficientnet_b1" in note for note in source.notes)


def test_what_came_off_the_names_is_said(workshop: Workshop) -> None:
    torch.save({"state_dict": {f"model.{name}": value for name, value in state().items()}}, workshop.folder / "l.ckpt")
    source = resolve(workshop.request(weights=str(workshop.folder / "l.ckpt")))
    assert source.notes[0] == "weights: taken off the names: model."


def test_weights_of_another_network_are_refused_by_layer(workshop: Workshop) -> None:
    weights = state()
    weights["convolution.weight"] = torch.zeros(16, 3, 3, 3)
    save_file(weights, str(workshop.weights))
    with pytest.raises(KitError, match=r"convolution\.weight is \[16, 3, 3, 3\].*\[8, 3, 3, 3\]"):
        resolve(workshop.request())


@pytest.mark.parametrize("name", ["mnasnet0_5", "mnasnet1_0", "regnet_x_400mf", "densenet121"])
@pytest.mark.parametrize("form", ["safetensors", "torch", "wrapped"])
def test_torchvisions_networks_load_what_they_save(workshop: Workshop, name: str, form: str) -> None:
    """MNASNet's loading asks for a version that safetensors does not keep; RegNet computes its widths."""
    import torchvision

    network = torchvision.models.get_model(name, num_classes=3)
    file = workshop.folder / "w.pt"
    if form == "safetensors":
        save_file(network.state_dict(), str(file))
    else:
        torch.save(
            {"state_dict": nn.DataParallel(network).state_dict()} if form == "wrapped" else network.state_dict(), file
        )
    found = resolve(workshop.request(name, str(file))).network.state_dict()
    assert all(torch.equal(value, found[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_heads_answer_one_figure_a_class(workshop: Workshop, name: str) -> None:
    import torchvision

    network = torchvision.models.get_model(name, num_classes=3, aux_logits=True, init_weights=False)
    torch.save({"state_dict": nn.DataParallel(network).state_dict()}, workshop.folder / "w.pth")
    (workshop.folder / "preprocessing.json").unlink()
    source = resolve(workshop.request(name, str(workshop.folder / "w.pth")))
    assert source.logits(torch.zeros(2, 3, source.preprocessing.crop, source.preprocessing.crop)).shape == (2, 3)


def test_a_network_that_does_not_classify_is_refused(workshop: Workshop) -> None:
    arch = workshop.write_network(
        "dense.py",
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 2, 1))\n",
    )
    save_file({"0.weight": torch.zeros(2, 3, 1, 1), "0.bias": torch.zeros(2)}, str(workshop.weights))
    with pytest.raises(KitError, match=r"answers \[3, 2, 32, 32\]"):
        resolve(workshop.request(arch))


def test_an_error_while_running_an_own_network_names_its_line(workshop: Workshop) -> None:
    text = (workshop.folder / "net.py").read_text().replace("mean((2, 3))", "mean((2, 9))")
    arch = workshop.write_network("runs.py", text)
    with pytest.raises(KitError, match=r"runs\.py, line 13, in forward: IndexError"):
        resolve(workshop.request(arch))


def test_pretrained_weights_that_cannot_be_had_say_which_file_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(KitError, match=r"resnet18-f37072fd\.pth is not in the cache") as raised:
        resolve(Request("resnet18", "imagenet"))
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in raised.value.hint
    assert str(tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth") in raised.value.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_file_in_the_cache_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half of it")
    with pytest.raises(KitError, match="is damaged"):
        resolve(Request("resnet18", "imagenet"))


def test_pretrained_weights_bring_their_labels_and_preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """torchvision's own builder runs; only its file is ours, since tests download nothing."""
    import torchvision

    file = tmp_path / "weights.pth"
    torch.save(torchvision.models.googlenet(init_weights=False).state_dict(), file)
    monkeypatch.setattr(imagenet, "cached", lambda weights: file)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: torch.load(file))
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: torch.load(file))
    source = resolve(Request("googlenet", "imagenet"))
    assert len(set(source.labels)) == 1000
    assert source.labels[0] == "tench"
    assert (source.preprocessing.resize, source.preprocessing.crop) == (256, 224)
    assert source.origin == "torchvision GoogLeNet_Weights.IMAGENET1K_V1 (weights.pth)"


def test_an_own_network_has_no_imagenet_weights(workshop: Workshop) -> None:
    with pytest.raises(UsageError, match=r"torchvision has no weights for net\.py:make"):
        resolve(workshop.request(weights="imagenet"))
