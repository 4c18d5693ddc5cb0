"""config/kubernetes as kubectl builds it: valid in three versions of Kubernetes, tight, and true to the image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from kit.build import PROJECT
from kit.serving.models.plan import DEFAULT_RESPONSE_TIMEOUT

CONFIG = PROJECT / "config/kubernetes"
OVERLAYS, COMPONENTS = (sorted(path.name for path in (CONFIG / part).iterdir()) for part in ("overlays", "components"))
VERSIONS = ("1.34", "1.36", "1.37")
CRDS = Path(__file__).parent / "crds"
CONTAINERFILE = (PROJECT / "config/image/Containerfile").read_text()
BY_DIGEST = r"[a-z.]+/[a-z0-9-]+@sha256:[0-9a-f]{64}"
Document = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def kubectl() -> None:
    if not shutil.which("kubectl"):
        subprocess.run(["apt-get", "install", "-y", "-q", "kubectl"], check=True)


def build(folder: Path) -> dict[str, Document]:
    """By kind."""
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}


def with_components(tree: Path) -> dict[str, Document]:
    """An overlay of a user's own, with all that only some clusters have; `tls` comes last, as it has to."""
    shutil.copytree(CONFIG, tree)
    own = {
        "resources": ["../cpu"],
        "components": [f"../../components/{name}" for name in COMPONENTS],
    }
    (tree / "overlays/own").mkdir()
    (tree / "overlays/own/kustomization.yaml").write_text(yaml.safe_dump(own))
    return build(tree / "overlays/own")


@pytest.fixture(scope="module", params=[*OVERLAYS, "own"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    if request.param == "own":
        return with_components(tmp_path_factory.mktemp("own") / "kubernetes")
    return build(CONFIG / "overlays" / request.param)


def test_a_component_changes_what_it_is_for(tmp_path: Path) -> None:
    found = with_components(tmp_path / "kubernetes")
    assert [port["port"] for port in found["Service"]["spec"]["ports"]] == [443]
    assert pod(found)["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert "replicas" not in found["Deployment"]["spec"]
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]


def pod(built: dict[str, Document]) -> Document:
    return dict(built["Deployment"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_is_one_of_that_version(built: dict[str, Document], version: str) -> None:
    assert set(built) >= {"Namespace", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    for kind, document in built.items():
        if not (CRDS / f"{kind}.json.gz").exists():
            kubernetes_validate.validate(document, version, strict=True)


def test_all_is_in_one_namespace_that_takes_restricted_pods_alone(built: dict[str, Document]) -> None:
    namespace = built["Namespace"]["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [document["metadata"]["namespace"] for kind, document in built.items() if kind != "Namespace"]
    assert set(others) == {namespace["name"]}


def test_a_pod_may_do_nothing_that_it_does_not_need(built: dict[str, Document]) -> None:
    """What Kubernetes calls a restricted pod, and more."""
    spec = pod(built)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {key for volume in spec["volumes"] for key in volume} <= {"name", "emptyDir", "secret", "image"}
    for volume in spec["volumes"]:
        if image := volume.get("image"):
            assert re.fullmatch(BY_DIGEST, image["reference"])
    assert set(container["resources"]["limits"]) >= {"cpu", "memory"}
    assert re.fullmatch(BY_DIGEST, container["image"]), "by digest, never by a tag"


def test_only_the_gateway_is_reached_and_nothing_goes_out(built: dict[str, Document]) -> None:
    (port,) = pod(built)["containers"][0]["ports"]
    assert [row["targetPort"] for row in built["Service"]["spec"]["ports"]] == [port["name"]]
    policy = built["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "egress" not in policy
    assert policy["ingress"] == [{"ports": [{"port": port["name"]}]}]


def test_all_speak_of_the_same_pods(built: dict[str, Document]) -> None:
    labels = built["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert built["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert built["Service"]["spec"]["selector"] == labels
    assert built["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert built["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_it_is_true_to_the_image(built: dict[str, Document]) -> None:
    spec = pod(built)
    (container,) = spec["containers"]
    user, group = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)[0]
    context = spec["securityContext"]
    assert [context["runAsUser"], context["runAsGroup"], context["fsGroup"]] == [int(user), int(group), int(group)]
    assert container["ports"][0]["containerPort"] == int(re.findall(r"^EXPOSE (\d+)$", CONTAINERFILE, re.MULTILINE)[0])
    written = json.loads(re.findall(r"^VOLUME (.*)$", CONTAINERFILE, re.MULTILINE)[0])
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {*written, "/tmp"}  # noqa: S108
    health = json.loads(re.findall(r"^HEALTHCHECK .* CMD (.*)$", CONTAINERFILE, re.MULTILINE)[0])
    assert container["livenessProbe"]["exec"]["command"] == health
    for probe in ("startupProbe", "readinessProbe"):
        assert (container[probe]["httpGet"]["path"], container[probe]["httpGet"]["port"]) == ("/health", "http")


def test_a_pod_that_goes_has_the_time_for_what_it_has(built: dict[str, Document]) -> None:
    (container,) = pod(built)["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(built)["terminationGracePeriodSeconds"] > before + DEFAULT_RESPONSE_TIMEOUT + 15
