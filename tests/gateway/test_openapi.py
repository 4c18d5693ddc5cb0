"""The OpenAPI document says what is served; tests/attack tries what schemathesis makes of it."""

from __future__ import annotations

import re

from common.gateway.nginx_files import SOURCES
from kit.build import PROJECT
from tests.gateway.conftest import Front


def test_it_names_this_server_s_model_and_version(front: Front) -> None:
    with front.client(key="") as client:
        document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.2.3"
    assert document["components"]["parameters"]["model"]["schema"]["enum"] == ["fruit"]


def test_it_names_all_that_can_be_reached(front: Front) -> None:
    with front.client(key="") as client:
        promised = {
            path.replace("{model}", "fruit").replace("{version}", "2.0")
            for path in client.get("/openapi.json").json()["paths"]
        }
    text = (PROJECT / SOURCES / "locations.conf").read_text()
    reachable = [
        pattern
        for kind, pattern in re.findall(r"^location (=|~) (\S+) \{", text, re.MULTILINE)
        if not pattern.lstrip("^").startswith(("/-/", "/inference"))
    ]
    for pattern in reachable:
        expression = re.compile(re.sub(r"\(\?<", "(?P<", pattern))
        assert any(expression.fullmatch(path) or path == pattern for path in promised) or pattern == "/v2/", pattern
