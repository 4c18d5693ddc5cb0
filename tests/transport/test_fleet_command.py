"""`scripts.fleet` as an operator runs it, over real ssh and rsync, to boxes that serve nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from kit.build import PROJECT
from tests.kit.fleet import small_bundle
from tests.transport.workstation import Workstation


def test_bare_boxes_are_provisioned_and_a_model_only_update_sends_the_model(workstation: Workstation) -> None:
    wheel, model = os.urandom(3 << 20), os.urandom(1 << 20)
    first = workstation.bundle("1.0", wheel=wheel, model=model)
    done = workstation.run("deploy", BUNDLE=str(first.file))
    assert done.returncode == 0, done.stderr
    assert f"deploy {first.release} → fleet in" in done.stdout
    assert "2 changed" in done.stdout.splitlines()[0]
    assert f"  shelf-02  nothing → {first.release}, first" in done.stdout
    assert "set up on shelf-01, shelf-02:\n  installed the program\n  signers set" in done.stdout
    assert workstation.confirmed() == [first.release] * 2
    second = workstation.bundle("1.1", wheel=wheel, model=os.urandom(1 << 20))
    updated = workstation.deploy(second)
    assert workstation.confirmed() == [second.release] * 2
    for box in updated["boxes"]:
        assert (1 << 20) < box["bytes"] < 1.1 * (1 << 20)
        assert box["before"] == first.release
        assert {"send", "receive", "gate", "confirm"} <= set(box["steps"])


def test_a_failing_wave_takes_everything_back_and_the_history_says_so(workstation: Workstation) -> None:
    first, second = workstation.bundle("1.0"), workstation.bundle("1.1")
    workstation.deploy(first)
    workstation.boxes.set_faults("shelf-02", gate={second.release: "p95 2500 ms, 2000 allowed"})
    done = workstation.run("deploy", BUNDLE=str(second.file))
    assert done.returncode == 1
    assert "STOPPED, and what had changed was taken back: 1 taken back, 1 failed" in done.stdout.splitlines()[0]
    assert "    | ERROR it is wrong" in done.stdout
    assert workstation.confirmed() == [first.release] * 2
    assert not any(workstation.boxes.state(name)["lock"] for name in workstation.boxes.names)
    runs = json.loads(workstation.run("history", JSON="1").stdout)["runs"]
    assert [(one["what"], one["release"]) for one in runs] == [("deploy", first.release), ("deploy", second.release)]
    assert runs[1]["result"].startswith("STOPPED")


def test_one_box_with_no_file_and_what_can_be_asked_of_it(workstation: Workstation) -> None:
    made = workstation.bundle("1.0")
    here = {"FLEET": "", "HOSTS": "shelf-02"}
    signers = str(workstation.folder / "signers")
    assert workstation.run("status", **here).returncode == 1
    planned = workstation.run("deploy", BUNDLE=str(made.file), SIGNERS=signers, DRY_RUN="1", **here)
    assert planned.returncode == 0, planned.stderr
    assert "a bare box: it is provisioned first" in planned.stdout
    assert not workstation.boxes.home("shelf-02").exists()
    workstation.deploy(made, SIGNERS=signers, **here)
    status = workstation.run("status", **here)
    assert status.returncode == 0
    assert made.release in status.stdout
    assert json.loads(workstation.run("logs", JSON="1", **here).stdout)["boxes"][0]["lines"] == ["one", "two", "three"]
    assert "the golden pictures are answered rightly" in workstation.run("doctor", **here).stdout


def test_a_box_out_of_reach_is_listed_and_resume_takes_it(workstation: Workstation) -> None:
    made = workstation.bundle("1.0")
    workstation.boxes.unplug("shelf-02")
    done = workstation.run("deploy", BUNDLE=str(made.file))
    assert done.returncode == 0
    assert "1 changed, 1 out of reach" in done.stdout
    workstation.boxes.plug_in("shelf-02")
    resumed = workstation.run("deploy", RESUME="1")
    assert "1 changed, 1 had it already" in resumed.stdout, resumed.stderr
    assert workstation.confirmed() == [made.release] * 2


def test_a_fleet_may_be_called_staging(workstation: Workstation) -> None:
    """Again and again: its folder is not the one where bundles are unpacked."""
    staging = workstation.folder / "staging.yaml"
    staging.write_text((workstation.folder / "fleet.yaml").read_text())
    for version in ("1.0", "1.1"):
        done = workstation.run("deploy", FLEET=str(staging), BUNDLE=str(workstation.bundle(version).file))
        assert done.returncode == 0, done.stderr
    assert workstation.run("history", FLEET=str(staging)).stdout.count("done: 2 changed") == 2


def test_noise_in_the_records_is_no_traceback(workstation: Workstation) -> None:
    made = workstation.bundle("1.0")
    workstation.deploy(made)
    for name in ("history.jsonl", "rollout.jsonl"):
        record = workstation.folder / "build/fleet/fleet" / name
        record.write_bytes(b"\xff\x00{noise\n[]\n" + record.read_bytes() + b'{"event": "begun"}\n{"event": ')
    shown = workstation.run("history")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "done: 2 changed" in shown.stdout
    resumed = workstation.run("deploy", RESUME="1")
    assert resumed.returncode == 0, resumed.stderr
    assert "Traceback" not in resumed.stderr


def start_slow_deploy(workstation: Workstation, made: small_bundle.Made) -> subprocess.Popen[str]:
    """A deploy that is in the canary's activation when this returns."""
    environment = workstation.environment(BUNDLE=str(made.file))
    command = [sys.executable, "-m", "scripts.fleet", "deploy"]
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    started = workstation.boxes.home("shelf-01") / "activating"
    until = time.monotonic() + 60
    while not started.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert started.exists()
    return running


def test_ctrl_c_brings_the_box_on_trial_back_and_names_its_state(workstation: Workstation) -> None:
    first, second = workstation.bundle("1.0"), workstation.bundle("1.1")
    workstation.deploy(first)
    workstation.boxes.set_faults("shelf-01", slow={"activate": 30})
    running = start_slow_deploy(workstation, second)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "INTERRUPTED by the operator" in said.splitlines()[0]
    assert f"shelf-01  stopped on trial; it went back; runs {first.release}" in said
    assert workstation.confirmed() == [first.release] * 2
    assert not any(workstation.boxes.state(name)["lock"] for name in workstation.boxes.names)


def test_after_the_workstation_was_killed_resume_goes_on_and_takes_its_own_locks(workstation: Workstation) -> None:
    first, second = workstation.bundle("1.0"), workstation.bundle("1.1")
    workstation.deploy(first)
    workstation.boxes.set_faults("shelf-01", slow={"activate": 3})
    running = start_slow_deploy(workstation, second)
    running.kill()
    running.communicate()
    assert workstation.boxes.state("shelf-01")["lock"]
    resumed = workstation.run("deploy", RESUME="1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert workstation.confirmed() == [second.release] * 2
    assert workstation.run("history").stdout.count("no end: killed") == 1
