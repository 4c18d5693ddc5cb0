"""Which server is checked, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import KitError, Unreachable, UsageError
from common.server.torchserve import Management
from common.watch import workers
from kit import golden
from kit.build import Build
from kit.client.elsewhere import address, read_headers
from kit.files import read_json
from kit.golden import Golden
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.serving.state import ServerState


@dataclass(frozen=True)
class Options:
    """What the user gave, by the names of the environment variables; "" where nothing was given."""

    url: str = ""
    management_url: str = ""
    metrics_url: str = ""
    grpc: str = ""
    model: str = ""
    golden: str = ""
    header_file: str = ""
    management_header_file: str = ""


@dataclass(frozen=True)
class CheckedServer:
    """`store` and `temp` are the server's model store and TEMP when it runs on this machine, else None.

    Addresses that are not known are "". The headers hold tokens, so they stay out of what is printed.
    """

    url: str
    management_url: str
    metrics_url: str
    grpc: str
    model: str
    golden: Sequence[Golden]
    headers: dict[str, str] = field(repr=False)
    management_headers: dict[str, str] = field(repr=False)
    store: Path | None = None
    temp: Path | None = None


def resolve(options: Options, build: Build, run: RunFolder) -> CheckedServer:
    """The server at `options.url`, or without one that of `run`; `build` is of the model that is asked.

    Raises UsageError for an option that cannot be right, KitError when there is no server or no golden picture.
    """
    folder = Path(options.golden).resolve() if options.golden else build.golden
    pictures = golden.load(folder, "make export, or name a folder that holds golden.json: GOLDEN=folder")
    if not pictures:
        raise KitError(f"{folder} lists no golden picture", "make export")
    if options.grpc and ":" not in options.grpc:
        raise UsageError(f"GRPC={options.grpc} is not an address", "write host:port, like GRPC=127.0.0.1:7070")
    if not options.url:
        return _local(options, run, pictures)
    url = address("URL", options.url)
    management_url = address("MANAGEMENT_URL", options.management_url)
    management_headers = read_headers("MANAGEMENT_HEADER_FILE", options.management_header_file)
    return CheckedServer(
        url=url,
        management_url=management_url,
        metrics_url=address("METRICS_URL", options.metrics_url),
        grpc=options.grpc,
        model=options.model or _model_of(folder) or _only_model(management_url, management_headers),
        golden=pictures,
        headers=read_headers("HEADER_FILE", options.header_file),
        management_headers=management_headers,
    )


def _local(options: Options, run: RunFolder, pictures: Sequence[Golden]) -> CheckedServer:
    server = state.running(run)
    if not server:
        raise KitError("no server is running", "start one: make serve, or name one: make smoke URL=http://…")
    header = run.inference_header if run.inference_header.exists() else ""
    management_header = run.management_header if run.management_header.exists() else ""
    return CheckedServer(
        url=server.inference,
        management_url=address("MANAGEMENT_URL", options.management_url) or server.management,
        metrics_url=address("METRICS_URL", options.metrics_url) or _metrics(run, server),
        grpc=options.grpc or server.grpc,
        model=server.named(options.model).name,
        golden=pictures,
        headers=read_headers("HEADER_FILE", options.header_file or str(header)),
        management_headers=read_headers(
            "MANAGEMENT_HEADER_FILE", options.management_header_file or str(management_header)
        ),
        store=run.model_store,
        temp=Path(server.temp),
    )


def _metrics(run: RunFolder, server: ServerState) -> str:
    """The kit's own, unless TorchServe's own workers serve, which tell it nothing."""
    return f"unix:{run.metrics_socket}" if workers.read(Path(server.temp)) else server.metrics


def _model_of(folder: Path) -> str:
    return str(read_json(folder / golden.INDEX).get("model", ""))


def _only_model(management_url: str, headers: dict[str, str]) -> str:
    if management_url:
        try:
            names = Management(management_url, headers).models()
        except Unreachable as error:
            raise KitError(error.message, "is MANAGEMENT_URL right?") from None
        if len(names) == 1:
            return names[0]
    raise UsageError("which model is to be asked is not known", "name it: make smoke MODEL=…")
