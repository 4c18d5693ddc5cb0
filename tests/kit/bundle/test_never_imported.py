"""What is left out of a box's runtime is really not needed to serve: a worker without it answers pictures."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from kit.build import PROJECT
from kit.bundle.wheels.requirements import NEVER_IMPORTED
from tests.kit.bundle.conftest import Workstation

SERVE = """
import importlib.abc, json, sys

folder, picture, *absent = sys.argv[1:]

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"no module named {name}", name=name)

sys.meta_path.insert(0, Absent())
sys.path.insert(0, folder)
import ts.model_service_worker
from tests.handlers.handler_worker import Worker

answers = Worker(folder, 1).ask(open(picture, "rb").read())
print(json.dumps({"answer": answers[0].body, "loaded": sorted(set(absent) & set(sys.modules))}))
"""


def test_a_worker_answers_without_them(workstation: Workstation, tmp_path: Path) -> None:
    with zipfile.ZipFile(workstation.profile.build.archive("tiny")) as archive:
        archive.extractall(tmp_path / "model")
    index = json.loads((workstation.profile.build.golden / "golden.json").read_text())["pictures"][0]
    command = [sys.executable, "-W", "ignore", "-c", SERVE, str(tmp_path / "model")]
    done = subprocess.run(
        [*command, str(workstation.profile.build.golden / index["file"]), *sorted(NEVER_IMPORTED)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["loaded"] == []
    assert next(iter(said["answer"])) == next(iter(index["expected"]))
