"""make policies: checkov's policies for Kubernetes, on each overlay as kubectl builds it, all components, and KServe's.

checkov is no dependency of the kit's, which would have a hundred packages more for it: uv runs it in an environment of
its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.test_manifests import CONFIG, OVERLAYS, Document, build, with_components

CHECKOV = "checkov==3.3.30"
KSERVE = "kserve, as a pod"
# A ServingRuntime has no place for a pod's own security context (its container has one); who may talk to KServe's pods
# is the cluster's to say, which knows whether Knative stands before them.
NOT_KSERVE_S = ("CKV_K8S_29", "CKV2_K8S_6")


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trees: dict[str, dict[str, Document]] = {name: build(CONFIG / "overlays" / name) for name in OVERLAYS}
        trees["every component"] = with_components(folder / "tree")
        trees[KSERVE] = {"Pod": pod_of(build(CONFIG / "kserve")["ServingRuntime"])}
        for name, documents in trees.items():
            file = folder / "manifests.yaml"
            file.write_text(yaml.safe_dump_all(documents.values()))
            passed, wrong = checked(file, NOT_KSERVE_S if name == KSERVE else ())
            failed += len(wrong)
            print(f"{name}: {passed} passed, {len(wrong)} failed")
            for one in wrong:
                print(f"  {one['check_id']} {one['resource']}: {one['check_name']}")
    return 1 if failed else 0


def pod_of(runtime: Document) -> Document:
    """What KServe makes of a ServingRuntime, which checkov does not know."""
    spec = {key: value for key, value in runtime["spec"].items() if key in ("containers", "volumes", "securityContext")}
    own = {"automountServiceAccountToken": False} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": runtime["metadata"] | {"namespace": "models"}, "spec": own}


def checked(file: Path, but: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """How many checks passed, and those that failed."""
    command = [str(Path(sys.executable).with_name("uv")), "tool", "run", "--from", CHECKOV, "checkov"]
    asked = [
        *command,
        "--framework",
        "kubernetes",
        "--output",
        "json",
        "--quiet",
        "--skip-download",
        "--file",
        str(file),
    ]
    asked += ["--skip-check", ",".join(but)] if but else []
    done = subprocess.run(asked, capture_output=True, text=True)
    try:
        said = json.loads(done.stdout)
        return int(said["summary"]["passed"]), list(said["results"]["failed_checks"])
    except (ValueError, KeyError, TypeError):
        sys.exit(f"checkov did not say what it found: {(done.stderr or done.stdout).strip()[-500:]}")


if __name__ == "__main__":
    sys.exit(main())
