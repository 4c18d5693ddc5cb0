"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.gateway.conftest import start  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not (program := shutil.which("chromium")):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=True)
        program = shutil.which("chromium")
    quiet = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=quiet)
        yield launched
        launched.close()
