import sys
from subprocess import run

import pytest

from common.errors import UsageError
from kit.build import PROJECT
from kit.model.source.request import Request


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Request(arch="resnet50"), "ARCH=resnet50 needs weights"),
        (Request(weights="absent.pt"), "the weights absent.pt do not exist"),
        (Request(labels="absent.txt"), "the labels absent.txt do not exist"),
        (Request(preprocessing="absent.json"), "PREPROCESSING=absent.json does not exist"),
        (Request(pictures="absent"), "PICTURES=absent: absent does not exist"),
        (Request(model_name="my model"), "MODEL_NAME=my model is not a name"),
        (Request(model_name="../up"), "MODEL_NAME=../up is not a name"),
    ],
)
def test_what_cannot_be_is_refused_with_a_mend(asked: Request, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        asked.check()
    assert said in raised.value.message
    assert raised.value.hint


def test_what_can_be_is_let_through() -> None:
    for asked in (Request(), Request("resnet18"), Request("resnet50", "imagenet", pictures=str(PROJECT))):
        asked.check()


@pytest.mark.parametrize(
    "module", ["scripts.export", "scripts.archive", "kit.archive.making", "kit.model.source.request"]
)
def test_torch_is_not_imported_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0
