from pathlib import Path

import pytest
import torch

from kit.errors import KitError, UsageError
from kit.model import architecture


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
    assert "resnet50" in raised.value.mend


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


def test_a_missing_file_or_function_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        architecture.choose(f"{tmp_path / 'absent.py'}:make")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(UsageError, match="no function 'make'"):
        architecture.choose(f"{tmp_path / 'empty.py'}:make")
