"""A second version beside the one that serves, as an upgrade without a gap does it: register, switch, switch back,
unregister. The four checks are one story; each begins by making sure of what the one before it has left.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil

from common.server.torchserve import ApiError
from kit.archive.member import with_member
from kit.smoke.footprint import Snapshot, remove_leftovers
from kit.smoke.outcome import CheckFailed, NotAllowed, NotChecked, require
from kit.smoke.predictions import check_answer, check_still_answers
from kit.smoke.session import Session

# A processor's time is counted in steps of 10 ms, which a fast worker stays below in one prediction.
PREDICTIONS_TO_SHOW = 50
MANIFEST = "MAR-INF/MANIFEST.json"


def register(session: Session) -> str:
    management, before = session.management, session.found()
    version = before.second_version
    store = session.target.store
    if not store:
        raise NotChecked("needs the model store, which only a server on this machine started by `make serve` has")
    require(
        version not in before.versions,
        f"version {version} is already there; it is left from a run that was killed: unregister it "
        f"(DELETE /models/{session.target.model}/{version} at the management address)",
    )
    write_copy(_served_archive(session, store), version, store / before.second_archive)
    try:
        with session.interrupts.deferred():
            management.register(before.second_archive, workers=0)
    except ApiError as error:
        if error.status == 405:
            raise NotAllowed("enable_model_api=false in this server's config.properties") from None
        raise
    management.scale(session.target.model, version, 1, 1)
    answer = session.inference.put(f"{session.predictions}/{version}", content=session.golden.picture.read_bytes())
    check_answer(session.golden, answer)
    return f"version {version}, 1 worker READY"


def switch(session: Session) -> str:
    before = _registered(session)
    version = before.second_version
    session.management.set_default(session.target.model, version)
    row = session.management.describe(session.target.model)[0]
    require(row["modelVersion"] == version, f"the default is version {row['modelVersion']}, not {version}")
    pid = row["workers"][0]["pid"]
    require(_answers_with(session, pid), f"version {version} is the default, and another one answered predictions")
    return f"version {version} answers (pid {pid})"


def switch_back(session: Session) -> str:
    before = _registered(session)
    default = session.management.describe(session.target.model)[0]["modelVersion"]
    if default != before.second_version:
        raise NotChecked("the default version was not switched")
    session.management.set_default(session.target.model, before.default)
    now = session.management.describe(session.target.model)[0]["modelVersion"]
    require(now == before.default, f"the default is version {now}, not {before.default}")
    check_still_answers(session)
    return f"version {before.default}"


def unregister(session: Session) -> str:
    before = _registered(session)
    version = before.second_version
    # Its one worker takes requests in the order they came, so what clients asked of it while it was the default
    # is answered before this is.
    answer = session.inference.put(f"{session.predictions}/{version}", content=session.golden.picture.read_bytes())
    check_answer(session.golden, answer)
    session.management.unregister(session.target.model, version)
    require(version not in _versions(session), f"version {version} is still there after it was unregistered")
    remove_leftovers(before, session.target.store, session.target.temp)
    check_still_answers(session)
    return f"version {version}"


def write_copy(original: Path, version: str, copy: Path) -> None:
    """The same archive but for the version that its manifest gives."""
    with zipfile.ZipFile(original) as source:
        manifest = json.loads(source.read(MANIFEST))
    manifest["model"]["modelVersion"] = version
    with_member(original, MANIFEST, json.dumps(manifest).encode(), copy)


def _served_archive(session: Session, store: Path) -> Path:
    archive = store / str(session.management.describe(session.target.model)[0]["modelUrl"])
    if not archive.is_file():
        raise NotChecked(f"the served archive is not in {store}")
    return archive


def _registered(session: Session) -> Snapshot:
    before = session.found()
    if before.second_version in before.versions or before.second_version not in _versions(session):
        raise NotChecked("no second version was registered")
    return before


def _versions(session: Session) -> list[str]:
    return [row["modelVersion"] for row in session.management.describe(session.target.model, "all")]


def _answers_with(session: Session, pid: int) -> bool:
    """Whether predictions without a version are that process's work. Neither an answer nor a metric says who gave
    it, but a worker without work takes no processor time."""
    spent = _processor_time(pid)
    begun = spent()
    for _ in range(PREDICTIONS_TO_SHOW):
        check_still_answers(session)
        if spent() > begun:
            return True
    return False


def _processor_time(pid: int) -> Callable[[], float]:
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        raise CheckFailed(f"the second version's worker (pid {pid}) has ended") from None

    def spent() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    return spent
