import resource
from pathlib import Path

import pytest
import torch

from common.errors import KitError, UsageError
from kit.model.source import architecture


def test_a_torchvision_network_is_found_by_name() -> None:
    chosen = architecture.choose("resnet18")
    assert chosen.build(7, 224).state_dict()["fc.weight"].shape == (7, 512)


def test_only_classification_networks_are_offered() -> None:
    names = architecture.torchvision_names()
    assert {"resnet18", "vit_b_16", "googlenet", "inception_v3"} <= set(names)
    assert not [name for name in names if "rcnn" in name or "quantized" in name or "video" in name or "raft" in name]


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UsageError) as raised:
        architecture.choose("resnet-51")
    assert "ARCH=resnet-51" in raised.value.message
    assert "resnet50" in raised.value.hint


@pytest.mark.parametrize(("name", "head"), architecture.WITH_AUXILIARY_HEADS.items())
def test_auxiliary_heads_are_built_when_the_checkpoint_has_them(name: str, head: str) -> None:
    chosen = architecture.choose(name)
    without = architecture.shapes(chosen, 5, 224, ())
    with_heads = architecture.shapes(chosen, 5, 224, [f"{head}x"])
    assert set(without) < set(with_heads)


def test_a_vision_transformer_is_built_for_the_crop() -> None:
    chosen = architecture.choose("vit_b_32")
    assert architecture.shapes(chosen, 5, 384, ())["encoder.pos_embedding"] == (1, 145, 768)


def test_an_own_function_gets_the_number_of_classes_if_it_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "heads.py"
    file.write_text(
        "from torch import nn\n"
        "def takes(num_classes=9): return nn.Linear(2, num_classes)\n"
        "def fixed(): return nn.Linear(2, 4)\n"
    )
    for name, outputs in (("takes", 6), ("fixed", 4)):
        built = architecture.choose(f"{file}:{name}").build(6, 224)
        assert built(torch.zeros(1, 2)).shape == (1, outputs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import torch\ndef make(:\n", "line 2: SyntaxError"),
        ("\n\nimport nothing_of_that_name\n", "line 3, in <module>: ModuleNotFoundError"),
        ("def make():\n    return undefined\n", "line 2, in make: NameError"),
        ("def make():\n    raise SystemExit(3)\n", "line 2, in make: SystemExit"),
        ("def make():\n    return 5\n", "returned int, not a torch.nn.Module"),
    ],
)
def test_an_error_in_the_own_file_is_a_sentence_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(KitError, match=r"broken\.py") as raised:
        architecture.choose(f"{tmp_path / 'broken.py'}:make").build(3, 224)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("import nothing_of_that_name\n", "echo nothing_of_that_name >> requirements/own.txt"),
        ("from nothing.of import that\n", "echo nothing >> requirements/own.txt"),
        ("from .blocks import Block\n", "an empty __init__.py beside broken.py"),
        ("from blocks import absent\n", "fix broken.py"),
        ("1 / 0\n", "fix broken.py"),
    ],
)
def test_the_own_file_is_to_be_mended_only_where_it_is_at_fault(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "blocks.py").write_text("")
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(KitError) as raised:
        architecture.choose(f"{tmp_path / 'broken.py'}:make")
    assert hint in raised.value.hint


def test_all_of_an_exceptions_words_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def make():\n    raise ValueError('first line\\n  second line')\n")
    with pytest.raises(KitError, match="ValueError: first line\n  second line"):
        architecture.choose(f"{tmp_path / 'broken.py'}:make").build(3, 224)


def test_a_function_that_needs_more_is_wrong_use_and_told_how(tmp_path: Path) -> None:
    (tmp_path / "own_net.py").write_text("def make(num_classes, backbone, *, width): return None\n")
    with pytest.raises(UsageError, match="make needs backbone, width") as raised:
        architecture.choose(f"{tmp_path / 'own_net.py'}:make")
    assert "def make(num_classes): return make(num_classes=num_classes, backbone=…)" in raised.value.hint


def test_a_file_in_a_package_imports_its_neighbours(tmp_path: Path) -> None:
    package = tmp_path / "outer_of_a_test" / "inner"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package.parent / "width.py").write_text("WIDTH = 4\n")
    (package / "own_net.py").write_text(
        "from torch import nn\nfrom ..width import WIDTH\ndef make(): return nn.Linear(2, WIDTH)\n"
    )
    for _ in range(2):
        built = architecture.choose(f"{package / 'own_net.py'}:make").build(3, 224)
        assert built(torch.zeros(1, 2)).shape == (1, 4)


def test_a_file_in_a_package_of_a_name_that_is_taken_is_read_alone(tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").write_text("")
    (tmp_path / "kit" / "own_net.py").write_text("from torch import nn\ndef make(): return nn.Linear(2, 3)\n")
    built = architecture.choose(f"{tmp_path / 'kit' / 'own_net.py'}:make").build(3, 224)
    assert built(torch.zeros(1, 2)).shape == (1, 3)


@pytest.mark.parametrize("name", ["of_a_class", "partial", "instance", "called", "nameless"])
def test_whatever_makes_a_network_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / "own_net.py").write_text(
        "import functools\n"
        "from torch import nn\n"
        "def make(width, num_classes): return nn.Linear(width, num_classes)\n"
        "class of_a_class(nn.Linear):\n"
        "    def __init__(self, num_classes): super().__init__(2, num_classes)\n"
        "class Maker:\n"
        "    def __call__(self, num_classes): return make(2, num_classes)\n"
        "partial = functools.partial(make, 2)\n"
        "instance = make(2, 6)\n"
        "called = Maker()\n"
        "nameless = lambda num_classes: make(2, num_classes)\n"
    )
    chosen = architecture.choose(f"{tmp_path / 'own_net.py'}:{name}")
    assert (chosen.name, chosen.model_name) == (f"own_net.py:{name}", name)
    assert chosen.build(6, 224)(torch.zeros(1, 2)).shape == (1, 6)


def test_lazy_layers_get_their_shapes_from_a_picture(tmp_path: Path) -> None:
    (tmp_path / "own_net.py").write_text(
        "from torch import nn\n"
        "def make(num_classes):\n"
        "    layers = nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(num_classes)\n"
        "    return nn.Sequential(*layers)\n"
    )
    found = architecture.shapes(architecture.choose(f"{tmp_path / 'own_net.py'}:make"), 5, 8, ())
    assert (found["0.weight"], found["1.running_mean"], found["3.weight"]) == ((4, 3, 3, 3), (4,), (5, 4 * 36))


@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_y_128gf", "mnasnet0_5", "vit_h_14"])
def test_shapes_take_no_memory_and_are_those_of_the_network(name: str) -> None:
    chosen = architecture.choose(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = architecture.shapes(chosen, 5, 224, ())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB; vit_h_14 has 2.5 GB of weights
    if name in ("regnet_x_400mf", "mnasnet0_5"):
        assert found == {key: tuple(value.shape) for key, value in chosen.build(5, 224).state_dict().items()}


def test_a_missing_file_or_function_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        architecture.choose(f"{tmp_path / 'absent.py'}:make")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UsageError, match="no function 'make'"):
        architecture.choose(f"{tmp_path / 'empty.py'}:make")
