"""What a config.properties says, with the environment's TS_… values over it, as TorchServe itself reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import UsageError
from common.gateway.address import is_local
from common.words import count

# Not settable by the environment, whatever enable_envvars_config says (ConfigManager: no TS_ field).
FILE_ONLY = {
    "vmargs",
    "model_snapshot",
    "plugins_path",
    "system_metrics_cmd",
    "metric_time_interval",
    "use_native_io",
}
DEFAULTS = {
    "inference_address": "http://127.0.0.1:8080",
    "management_address": "http://127.0.0.1:8081",
    "metrics_address": "http://127.0.0.1:8082",
    "grpc_inference_address": "127.0.0.1",
    "grpc_management_address": "127.0.0.1",
    "grpc_inference_port": "7070",
    "grpc_management_port": "7071",
}
DEFAULT_REQUEST_BYTES = 6_553_500
UNIX_PATH_LIMIT = 107  # sun_path in <sys/un.h>, less its final zero


@dataclass(frozen=True)
class Listener:
    """An address that the server will listen on; `key` is the property that sets it."""

    key: str
    host: str
    port: int
    unix_path: str = ""

    @property
    def url(self) -> str:
        return f"unix:{self.unix_path}" if self.unix_path else f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class ServerSettings:
    """The properties in force. `values` holds every key; the rest reads them."""

    values: Mapping[str, str]

    def listener(self, key: str) -> Listener:
        """Raises UsageError for an address that is not `http://host:port` or `unix:/path`."""
        address = self.values[key]
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            if len(path.encode()) > UNIX_PATH_LIMIT:
                raise UsageError(
                    f"{key}={address} is {len(path.encode())} bytes; a socket's path can have {UNIX_PATH_LIMIT}",
                    "choose a shorter path",
                )
            return Listener(key, "", 0, path)
        parts = urlsplit(address)
        try:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not port:
            raise UsageError(
                f"{key}={address} is not an address this kit can serve on",
                "write http://127.0.0.1:8080 or unix:/path/to/socket; TLS belongs to the proxy in front",
            )
        if ":" in parts.hostname:
            raise UsageError(
                f"{key}={address} is an IPv6 address, and TorchServe listens on IPv4 alone",
                "write http://127.0.0.1:8080, and let the proxy in front listen on IPv6",
            )
        return Listener(key, parts.hostname, port)

    def grpc_listener(self, kind: str) -> Listener:
        key = f"grpc_{kind}_port"
        if not self.values[key].isdigit():
            raise UsageError(f"{key}={self.values[key]} is not a port number")
        return Listener(key, self.values[f"grpc_{kind}_address"], int(self.values[key]))

    @property
    def by_environment(self) -> bool:
        """Whether TorchServe heeds TS_… variables."""
        return self.values.get("enable_envvars_config", "false").lower() == "true"

    @property
    def inference(self) -> Listener:
        return self.listener("inference_address")

    @property
    def management(self) -> Listener:
        return self.listener("management_address")

    @property
    def metrics(self) -> Listener:
        return self.listener("metrics_address")

    @property
    def grpc(self) -> Listener:
        return self.grpc_listener("inference")

    def listeners(self) -> list[Listener]:
        """Every address the server will take."""
        return [self.inference, self.management, self.metrics, self.grpc, self.grpc_listener("management")]

    @property
    def exposed(self) -> list[str]:
        """The keys of the addresses that other machines reach."""
        return [one.key for one in self.listeners() if not one.unix_path and not is_local(one.host)]

    @property
    def body_bytes(self) -> int:
        """The largest request that TorchServe takes."""
        return int(self.values.get("max_request_size", DEFAULT_REQUEST_BYTES))

    @property
    def tokens(self) -> bool:
        return self.values.get("disable_token_authorization", "false").lower() != "true"

    @property
    def vmargs(self) -> list[str]:
        return self.values.get("vmargs", "").split()

    @property
    def heap_bytes(self) -> int:
        """Java's largest heap (-Xmx), or 0 when the file does not say."""
        for argument in self.vmargs:
            if match := re.fullmatch(r"-Xmx(\d+)([kmgKMG]?)", argument):
                return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()]
        return 0

    def workers(self, model_config: Mapping[str, object], cores: int, gpus: int) -> tuple[int, str]:
        """How many workers TorchServe will start, and why: `(2, "2 cores")`."""
        if isinstance(minimum := model_config.get("minWorkers"), int) and minimum > 0:
            return minimum, "minWorkers in model-config.yaml"
        if (default := self.values.get("default_workers_per_model", "")).isdigit() and int(default):
            return int(default), "default_workers_per_model in config.properties"
        return (gpus, f"one a GPU, {count(gpus, 'GPU')}") if gpus else (cores, f"one per core, {count(cores, 'core')}")


def parse(text: str) -> dict[str, str]:
    """The `key=value` lines of a .properties file, as Java reads those that the kit's profiles use."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line.lstrip()[:1] not in ("#", "!"))
    return {key.strip(): value.strip() for key, value in pairs}


def interpolate(values: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Put the environment's values in for `$$NAME$$`. Raises UsageError for a name that is not set."""

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise UsageError(
                f"config.properties wants ${match[1]} from the environment, and it is not set",
                f"set it: {match[1]}=… make serve",
            )
        return environment[match[1]]

    return {key: re.sub(r"\$\$([^$]+)\$\$", value_of, value) for key, value in values.items()}


def load(path: Path, environment: Mapping[str, str]) -> ServerSettings:
    """The settings TorchServe will have: its defaults, then the file, then TS_… where the file allows it."""
    values = interpolate(parse(path.read_text(encoding="utf-8")), environment)
    if ServerSettings(values).by_environment:
        overrides = {
            key.removeprefix("TS_").lower(): value for key, value in environment.items() if key.startswith("TS_")
        }
        values |= {key: value for key, value in overrides.items() if key not in FILE_ONLY}
    return ServerSettings(DEFAULTS | values)
