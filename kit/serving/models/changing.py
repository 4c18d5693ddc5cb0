"""The models of a running server become those that its profile lists now: added, renewed, taken away. No request that
is under way is lost, and what is new has answered rightly before a client gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from common.errors import KitError, UsageError
from common.server import versions
from common.server.torchserve import ApiError, Inference, Management
from kit.machine import Machine
from kit.serving import gateway, lifecycle, preflight, proving, state, watching
from kit.serving.launch import RunFolder
from kit.serving.lifecycle import ServerPlan
from kit.serving.models.plan import ModelPlan
from kit.serving.shadow import candidate
from kit.serving.shadow.candidate import Candidate
from kit.serving.state import ServedModel, ServerState

Say = Callable[[str], None]


@dataclass(frozen=True)
class Changes:
    """`renewed`: by another version of a model that is served."""

    added: Sequence[ModelPlan]
    renewed: Sequence[ModelPlan]
    removed: Sequence[ServedModel]

    @property
    def new(self) -> list[ModelPlan]:
        return [*self.added, *self.renewed]

    @property
    def words(self) -> str:
        """What is to be done, as a sentence; "" for nothing."""
        said = [
            *(f"{one.name} {one.version} is added" for one in self.added),
            *(f"{one.name} becomes {one.version}" for one in self.renewed),
            *(f"{one} is taken away" for one in self.removed),
        ]
        return "; ".join(said)


def between(served: Sequence[ServedModel], wanted: Sequence[ModelPlan]) -> Changes:
    """Raises UsageError for two archives of one version, which TorchServe cannot tell apart."""
    there = {one.name: one for one in served}
    added, renewed = [], []
    for model in wanted:
        old = there.pop(model.name, None)
        if old is None:
            added.append(model)
        elif old.archive_sha256 != model.archive["sha256"]:
            if old.version == model.version:
                raise UsageError(
                    f"{model.name} {model.version} is served, and was archived anew under the same version",
                    f"make archive {model.profile.variables} MODEL_VERSION=<another>",
                )
            renewed.append(model)
    return Changes(added, renewed, list(there.values()))


@dataclass(frozen=True)
class Changing:
    """A running server, and how it is asked."""

    run: RunFolder
    server: ServerState
    say: Say

    @property
    def management(self) -> Management:
        return Management(self.server.management, self.run.management_header)

    @property
    def inference(self) -> Inference:
        return Inference(self.server.inference, self.run.inference_header, probe=True)

    def register(self, model: ModelPlan) -> None:
        """Return when its workers have answered every golden picture rightly, by its version's own number. Raises
        KitError, and nothing of it is left."""
        lifecycle.store(self.run, model)
        try:
            self.say(f"{model.name} {model.version} is loading")
            versions.unregister(self.management, model.name, model.version)  # left from an attempt that was killed
            self._start(model)
            self.prove(model)
        except BaseException:
            with suppress(KitError):
                self.forget(model.served)
            raise

    def _start(self, model: ModelPlan) -> None:
        try:
            self.management.register(model.stored, model.workers)
        except ApiError as error:  # the worker's own words say why
            raise KitError(
                f"{model.name} {model.version} does not start: {error.message}", f"why is in {self.run.server_log}"
            ) from None

    def prove(self, model: ModelPlan) -> None:
        """Raises KitError for a golden picture that this version does not answer rightly."""
        for picture in model.golden:
            proving.prove(self.inference, model.name, picture, model.version)

    def is_candidate(self, model: ModelPlan) -> bool:
        """Whether it is loaded already, beside the version that serves."""
        found = candidate.read(self.run, model.name)
        return found is not None and found.model == model.served

    def forget(self, model: ServedModel) -> None:
        """Let this version finish what it has, and remove it."""
        versions.retire(self.management, model.name, model.version, model.response_timeout, self.say)
        (self.run.model_store / model.stored).unlink(missing_ok=True)


def apply(wanted: ServerPlan, server: ServerState, changes: Changes, machine: Machine, say: Say) -> ServerState:
    """The server as it serves then. Raises KitError, and it serves what it did before."""
    changing = Changing(wanted.run, server, say)
    before = {one.name: one for one in server.models}
    needed = preflight.more_memory([model.needs for model in changes.new])
    preflight.check_memory(needed, " and ".join(f"{one.name} {one.version}" for one in changes.new), machine)
    done: list[ModelPlan] = []
    try:
        for model in changes.new:
            if changing.is_candidate(model):
                changing.prove(model)
            else:
                drop_candidate(changing, model.name)
                changing.register(model)
            done.append(model)
        for model in changes.renewed:
            changing.management.set_default(model.name, model.version)
        changed = replace(
            server,
            models=tuple(model.served for model in wanted.models),
            retiring=(*server.retiring, *changes.removed, *(before[model.name] for model in changes.renewed)),
        )
        gateway.follow(wanted, changed, machine.cores, say)
    except BaseException:
        _undo(changing, done, before)
        raise
    state.save(wanted.run, changed)
    watching.follow(wanted, changed)
    for model in changes.renewed:
        candidate.end(wanted.run, model.name)
    for one in changes.removed:
        drop_candidate(changing, one.name)
    return retire(wanted.run, changed, say)


def retire(run: RunFolder, server: ServerState, say: Say) -> ServerState:
    """What was replaced goes, of a change that was cut short, too."""
    changing = Changing(run, server, say)
    serves = {str(one) for one in server.models}
    for gone in server.retiring:
        if str(gone) not in serves:
            changing.forget(gone)
    done = replace(server, retiring=())
    state.save(run, done)
    return done


def shadow(wanted: ServerPlan, server: ServerState, share: float, machine: Machine, say: Say) -> Candidate:
    """The one model of `wanted` loaded beside the version that serves, and compared with it on a share, 0 to 1, of its
    pictures. Raises KitError when nothing new was archived, or it answers wrongly."""
    (model,) = wanted.models
    changing = Changing(wanted.run, server, say)
    if not between([server.named(model.name)], wanted.models).renewed:
        raise KitError(
            f"{model.name} {model.version} is what serves, and nothing else was archived since",
            f"make archive {model.profile.variables} MODEL_VERSION=<another>",
        )
    if model.needs.stock:
        raise UsageError(
            f"{model.profile.model_config}: TorchServe's own worker leaves no pictures for a candidate", "worker: kit"
        )
    preflight.check_memory(preflight.more_memory([model.needs]), f"{model.name} {model.version}", machine)
    changing.register(model)
    return candidate.begin(wanted.run, server, model.served, share)


def drop_candidate(changing: Changing, model: str) -> None:
    """None is what was wanted."""
    if found := candidate.read(changing.run, model):
        candidate.end(changing.run, model)
        changing.forget(found.model)


def _undo(changing: Changing, done: Sequence[ModelPlan], before: Mapping[str, ServedModel]) -> None:
    """What goes wrong here is not what is to be told."""
    for model in done:
        with suppress(KitError):
            if old := before.get(model.name):
                changing.management.set_default(old.name, old.version)
            changing.forget(model.served)
