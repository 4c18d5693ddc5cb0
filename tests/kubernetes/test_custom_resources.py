"""What KServe and Prometheus's operator take, by their own schemas; and that it says what the rest says.

crds/ has those schemas without descriptions and status: of kserve/kserve aaac4e29 (0.20) and of prometheus-operator
0.93.0, both under the Apache licence 2.0.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from kit.build import PROJECT
from scripts import operator_rules
from tests.kubernetes.test_manifests import BY_DIGEST, CONFIG, CRDS, Document, build, pod, with_components


def strict(schema: Any) -> Any:
    """As an API server with strict validation reads it: an unknown field is an error."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False):
        return {"type": ["integer", "string"]}
    closed = isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields")
    return {"additionalProperties": False} | made if closed and "additionalProperties" not in made else made


def problems(document: Document) -> list[str]:
    schemas = json.loads(gzip.decompress((CRDS / f"{document['kind']}.json.gz").read_bytes()))
    schema = strict(schemas[document["apiVersion"]])
    schema["properties"]["metadata"] = {"type": "object"}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    """By kind."""
    own = with_components(tmp_path_factory.mktemp("own") / "kubernetes")
    return {kind: own[kind] for kind in ("ServiceMonitor", "PrometheusRule")} | build(CONFIG / "kserve")


@pytest.mark.parametrize("kind", sorted(path.name.partition(".")[0] for path in CRDS.iterdir()))
def test_every_field_is_one_of_its_schema(custom: dict[str, Document], kind: str) -> None:
    assert problems(custom[kind]) == []
    misspelt = json.loads(json.dumps(custom[kind]))
    misspelt["spec"]["selektor"] = {}
    assert problems(misspelt), "or it would find nothing"


def test_the_rules_are_those_that_prometheus_itself_reads(custom: dict[str, Document]) -> None:
    assert operator_rules.FILE.read_text() == operator_rules.text(), "make rules"
    files = sorted((PROJECT / "config/monitoring/rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    assert custom["PrometheusRule"]["spec"]["groups"] == groups


def test_what_is_scraped_is_called_as_the_rules_call_it(custom: dict[str, Document], tmp_path: Path) -> None:
    """By `job`, which is the Service's name, `box` and `fleet`; with a key, over TLS where the pods have it."""
    own = with_components(tmp_path / "kubernetes")
    monitor = own["ServiceMonitor"]["spec"]
    assert 'job="vision-serve"' in operator_rules.text() and own["Service"]["metadata"]["name"] == "vision-serve"
    assert monitor["selector"]["matchLabels"].items() <= own["Service"]["metadata"]["labels"].items()
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] == own["Service"]["spec"]["ports"][0]["name"]
    assert {row["targetLabel"] for row in endpoint["relabelings"]} == {"box", "fleet"}
    assert "credentials" in endpoint["authorization"]
    assert (endpoint["scheme"], "ca" in endpoint["tlsConfig"]) == ("https", True)


def test_kserves_container_is_the_deployments_own(custom: dict[str, Document], tmp_path: Path) -> None:
    """But for what Knative does not take, and where KServe puts the model."""
    own = pod(with_components(tmp_path / "kubernetes"))
    (ours,), (kserves,) = own["containers"], custom["ServingRuntime"]["spec"]["containers"]
    assert kserves["args"] == ours["args"] == ["--models", "/mnt/models"]
    assert kserves["resources"] == ours["resources"]
    assert kserves["livenessProbe"] == ours["livenessProbe"]
    assert ours["securityContext"].items() <= kserves["securityContext"].items()
    assert kserves["securityContext"]["runAsUser"] == own["securityContext"]["runAsUser"]
    assert "lifecycle" not in kserves
    elsewhere = {"/mnt/models", "/etc/vision-serve/tls"}  # KServe's own mount, and its ingress's affair
    mounted = [{mount["mountPath"] for mount in one["volumeMounts"]} - elsewhere for one in (kserves, ours)]
    assert mounted[0] == mounted[1]
    assert re.fullmatch(BY_DIGEST, kserves["image"])


def test_the_service_takes_our_runtime_and_is_called_as_its_model_is(custom: dict[str, Document]) -> None:
    runtime, service = custom["ServingRuntime"], custom["InferenceService"]
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"]["name"] in [row["name"] for row in runtime["spec"]["supportedModelFormats"]]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert service["metadata"]["name"] == "resnet18", "the embedded model's, which paths of v1 and v2 have in them"
    assert re.fullmatch(r"oci\+native://" + BY_DIGEST, model["storageUri"])
