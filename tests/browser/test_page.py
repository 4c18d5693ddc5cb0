"""The page, in a real browser, as somebody uses it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from common.gateway import keys
from tests.gateway.conftest import Front, Start
from tests.gateway.fake_torchserve import MODEL, FakeTorchServe, label

SECONDS = 15_000  # ms, for what the page does by itself


def picture(colour: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(written, "PNG")
    return written.getvalue()


RED, BLUE = picture("red"), picture("blue")


@contextmanager
def opened(browser: Browser, front: Front, with_key: bool = True, **options: object) -> Iterator[Page]:
    """The page; the test fails when it asks another host for anything, or runs into an error of its own."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"http://127.0.0.1:{front.port}/")
    if with_key:
        enter_key(page, front.key)
    try:
        yield page
    finally:
        context.close()
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("blob:")}
    assert hosts == {f"127.0.0.1:{front.port}"}
    assert errors == []


def enter_key(page: Page, key: str) -> None:
    page.get_by_label("The key of a client").fill(key)
    page.get_by_role("button", name="Use it").click()


def drop(page: Page, kind: str, *files: tuple[str, bytes]) -> None:
    """As a hand does it: the files come with the event."""
    made = [{"name": name, "content": base64.b64encode(content).decode()} for name, content in files]
    page.locator("body").evaluate(
        """(body, [kind, files]) => {
            const data = new DataTransfer();
            for (const file of files) {
                const bytes = Uint8Array.from(atob(file.content), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], file.name, {type: 'image/png'}));
            }
            const event = kind === 'paste'
                ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true})
                : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
            body.dispatchEvent(event);
        }""",
        [kind, made],
    )


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_pictures_are_answered_with_their_probabilities_and_times(browser: Browser, start: Start, way: str) -> None:
    front = start()
    with opened(browser, front) as page:
        drop(page, way, ("red.png", RED), ("blue.png", BLUE))
        answers = page.get_by_label("Answers").get_by_role("listitem")
        expect(answers).to_have_count(2)
        for name, content in (("red.png", RED), ("blue.png", BLUE)):
            answer = answers.filter(has_text=name)
            expect(answer.locator("dt").first).to_have_text(label(content))
            expect(answer.locator("dd").first).to_have_text("75.0 %")
            expect(answer.locator("p")).to_contain_text("decode 4.00 ms · network 12.00 ms")
            assert answer.locator("img").evaluate("(image) => image.naturalWidth") == 64


def test_a_chosen_file_is_answered_and_may_be_chosen_again(browser: Browser, start: Start) -> None:
    with opened(browser, start()) as page:
        for count in (1, 2):
            page.locator("#files").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": RED})
            expect(page.locator("#answers .bars")).to_have_count(count)
        assert page.locator("#camera").get_attribute("capture") == "environment"


def test_a_file_that_is_no_picture_gets_the_server_s_sentence(browser: Browser, start: Start) -> None:
    with opened(browser, start()) as page:
        drop(page, "drop", ("notes.txt", b"bad"), ("red.png", RED))
        expect(page.locator("#answers .error")).to_have_text("This is not a picture.")
        expect(page.locator("#answers .bars")).to_have_count(1)


def test_a_key_that_is_not_taken_is_asked_for_again(browser: Browser, start: Start) -> None:
    front = start()
    with opened(browser, front, with_key=False) as page:
        drop(page, "drop", ("red.png", RED))
        expect(page.get_by_role("alert")).to_have_text("A key is wanted first.")
        assert front.behind.predictions() == []
        enter_key(page, "Authorization: Bearer vs_wrong")
        drop(page, "drop", ("red.png", RED))
        expect(page.get_by_role("alert")).to_have_text("The server does not take this key.")
        enter_key(page, f"Authorization: Bearer {front.key}")
        drop(page, "drop", ("red.png", RED))
        expect(page.locator("#answers .bars")).to_have_count(1)
        keys.revoke(front.keys, "till-1")
        page.wait_for_timeout(1000)
        drop(page, "drop", ("blue.png", BLUE))
        expect(page.get_by_role("alert")).to_have_text("The server does not take this key.")


def test_a_server_that_is_killed_and_comes_back(browser: Browser, start: Start) -> None:
    front = start()
    with opened(browser, front) as page:
        health = page.locator("#health")
        expect(health).to_have_text("ready · version 2.0", timeout=SECONDS)
        port = front.behind.port
        front.behind.close()
        expect(health).to_contain_text("unavailable", timeout=SECONDS)
        drop(page, "drop", ("red.png", RED))
        expect(page.locator("#answers .error")).to_contain_text("Ask again in a second.", timeout=SECONDS)
        again = FakeTorchServe(port)
        try:
            expect(health).to_have_text("ready · version 2.0", timeout=SECONDS)
            drop(page, "drop", ("red.png", RED))
            expect(page.locator("#answers .bars")).to_have_count(1)
        finally:
            again.close()


def test_what_the_server_does_and_what_runs_are_shown(browser: Browser, start: Start) -> None:
    front = start()
    with opened(browser, front) as page, front.client() as client:
        expect(page.locator("#about")).to_contain_text("fruit 2.0", timeout=SECONDS)
        expect(page.locator("#about")).to_contain_text("int8")
        requests = page.locator("#figures div").filter(has_text="requests/s").locator("dd")
        expect(requests).to_be_visible(timeout=SECONDS)
        for _ in range(400):
            client.post(f"/predictions/{MODEL}", content=b"picture")
            if requests.text_content() not in ("0.0", None):
                break
        assert float(requests.text_content() or 0) > 0
        expect(page.locator("#figures div").filter(has_text="p50").locator("dd")).to_contain_text("ms")


def test_the_same_request_as_code(browser: Browser, start: Start) -> None:
    front = start()
    with opened(browser, front) as page:
        page.get_by_text("The same as code").click()
        code = page.locator("#snippet")
        expect(code).to_contain_text(
            f'curl -H "Authorization: Bearer $KEY" -T picture.jpg http://127.0.0.1:{front.port}'
        )
        page.get_by_role("tab", name="curl").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Python")).to_be_focused()
        expect(code).to_contain_text("import requests")
        page.keyboard.press("ArrowRight")
        expect(code).to_contain_text("await fetch")
        assert front.key not in (code.text_content() or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_is_accessible_and_fits_a_phone(browser: Browser, start: Start, scheme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    with opened(browser, start(), viewport=size, color_scheme=scheme, has_touch=width < 500) as page:
        drop(page, "drop", ("a very long name of a picture that does not fit.png", RED), ("notes.txt", b"bad"))
        expect(page.locator("#answers .bars")).to_have_count(1)
        page.get_by_text("The same as code").click()
        found = Axe().run(page)
        assert json.dumps(found.response["violations"]) == "[]"
        assert page.locator("html").evaluate("(root) => root.scrollWidth") <= width


def test_all_of_it_can_be_reached_by_keyboard(browser: Browser, start: Start) -> None:
    with opened(browser, start(), with_key=False) as page:
        reached = []
        for _ in range(6):
            page.keyboard.press("Tab")
            reached.append(page.locator(":focus").evaluate("(one) => one.id || one.textContent.trim()"))
        assert reached == ["key", "Use it", "files", "camera", "The same as code", "OpenAPI"]
