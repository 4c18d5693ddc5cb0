from pathlib import Path

import pytest

from common.errors import UsageError
from kit.profiles import CONFIG, names
from kit.serving import settings
from kit.serving.settings import DEFAULTS, Listener, ServerSettings


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.properties"
    path.write_text(text)
    return path


def test_file_overrides_default_and_environment_overrides_file(tmp_path: Path) -> None:
    path = write(
        tmp_path, "# a comment = not a key\nenable_envvars_config=true\ninference_address = http://127.0.0.1:1\n"
    )
    loaded = settings.load(path, {"TS_MANAGEMENT_ADDRESS": "http://127.0.0.1:2"})
    assert loaded.inference == Listener("inference_address", "127.0.0.1", 1)
    assert loaded.management.port == 2
    assert loaded.metrics.port == 8082


def test_environment_counts_only_where_the_file_allows_it(tmp_path: Path) -> None:
    loaded = settings.load(write(tmp_path, ""), {"TS_INFERENCE_ADDRESS": "http://127.0.0.1:2"})
    assert loaded.inference.port == 8080


def test_environment_cannot_set_what_torchserve_takes_from_the_file_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "enable_envvars_config=true\nvmargs=-Xmx128m\n")
    assert settings.load(path, {"TS_VMARGS": "-Xmx9g"}).vmargs == ["-Xmx128m"]


def test_a_name_in_dollars_comes_from_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, "management_address=unix:$$RUN_DIR$$/m.sock\n")
    assert settings.load(path, {"RUN_DIR": "/run/x"}).management.url == "unix:/run/x/m.sock"
    with pytest.raises(UsageError, match=r"wants \$RUN_DIR"):
        settings.load(path, {})


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:80", "https://127.0.0.1:8443", "http://:80", "http://a:b", "http://a:99999", "http://[::1]:8080"],
)
def test_an_address_that_cannot_be_served_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="inference_address"):
        _ = ServerSettings(DEFAULTS | {"inference_address": address}).inference


def test_a_socket_path_longer_than_the_kernel_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="107"):
        _ = ServerSettings(DEFAULTS | {"management_address": "unix:/" + "x" * 107}).management


@pytest.mark.parametrize(
    ("vmargs", "heap"), [("-Xmx128m -Xss1m", 128 << 20), ("-Xmx2g", 2 << 30), ("-XX:+UseSerialGC", 0)]
)
def test_heap_is_read_from_vmargs(vmargs: str, heap: int) -> None:
    assert ServerSettings({"vmargs": vmargs}).heap_bytes == heap


@pytest.mark.parametrize(
    ("values", "config", "gpus", "workers"),
    [
        ({}, {}, 0, (4, "one per core, 4 cores")),
        ({}, {}, 2, (2, "one a GPU, 2 GPUs")),
        ({}, {}, 1, (1, "one a GPU, 1 GPU")),
        ({"default_workers_per_model": "3"}, {}, 0, (3, "default_workers_per_model in config.properties")),
        ({"default_workers_per_model": "3"}, {"minWorkers": 1}, 0, (1, "minWorkers in model-config.yaml")),
    ],
)
def test_workers_and_the_reason(values: dict[str, str], config: dict[str, object], gpus: int, workers: object) -> None:
    assert ServerSettings(values).workers(config, 4, gpus) == workers


@pytest.mark.parametrize("name", names())
def test_the_kits_profiles_are_safe_as_they_come(name: str) -> None:
    loaded = settings.load(CONFIG / name / "config.properties", {"MODEL_STORE": "/store", "RUN_DIR": "/run"})
    assert {listener.host for listener in loaded.listeners()} == {"127.0.0.1"}
    assert len({listener.port for listener in loaded.listeners()}) == 5
    assert loaded.tokens
    assert loaded.values["allowed_urls"] == "file:///store/[^/]+[.]mar"
    assert loaded.values["install_py_dep_per_model"] == "false"
    assert loaded.heap_bytes


@pytest.mark.parametrize("name", names())
def test_every_value_in_the_kits_profiles_has_its_reason_above_it(name: str) -> None:
    for file in ("config.properties", "model-config.yaml"):
        explained = False
        for line in (CONFIG / name / file).read_text().splitlines():
            if not line.strip():
                explained = False
            elif line.lstrip().startswith("#"):
                explained = True
            else:
                assert explained, f"{name}/{file}: {line!r} has no comment above it"


def test_addresses_that_other_machines_reach(tmp_path: Path) -> None:
    file = tmp_path / "config.properties"
    file.write_text("inference_address=http://0.0.0.0:8080\nmanagement_address=unix:/run/ts.sock\n")
    assert settings.load(file, {}).exposed == ["inference_address"]
    file.write_text("inference_address=http://localhost:8080\nmetrics_address=http://127.0.0.1:8082\n")
    assert settings.load(file, {}).exposed == []
