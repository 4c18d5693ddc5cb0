"""A server to be loaded: where it is, how it lets us in, and which process it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from common.server.tokens import read_header
from kit.build import Build
from kit.client.elsewhere import address, model_name, read_headers
from kit.files import read_json
from kit.serving.launch import RunFolder
from kit.serving.state import ServerState


@dataclass(frozen=True)
class LoadedServer:
    """`pid` is Java's, or 0 for a server elsewhere, whose processor time and memory nobody here can know.

    The headers hold a token, so they stay out of what is printed.
    """

    name: str
    url: str
    model: str
    headers: dict[str, str] = field(repr=False)
    pid: int = 0

    @property
    def path(self) -> str:
        return f"/predictions/{self.model}"


def of_state(name: str, server: ServerState, run: RunFolder, model: str = "") -> LoadedServer:
    """A running server of this machine. Raises UsageError where it has several models and none is named."""
    return LoadedServer(name, server.inference, server.named(model).name, read_header(run.inference_header), server.pid)


def elsewhere(name: str, url: str, header_file: str, model: str, build: Build) -> LoadedServer:
    """The server at `url`. Raises UsageError for a wrong address or file, and when its model's name is not known."""
    model = model_name(model, build, "make bench")
    return LoadedServer(name, address("URL", url), model, read_headers("HEADER_FILE", header_file))


def served_archive(run: RunFolder, build: Build) -> Path:
    """The .mar that is being served, which a later build does not change; else the one that would be."""
    report = read_json(build.archive_report, "make archive")
    served = sorted(run.model_store.glob(f"{report['model_name']}-*.mar")) if run.model_store.is_dir() else []
    return served[0] if served else build.folder / report["file"]
