"""A real headless Chromium for tests, and what a page must not do in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
"""Pictures of the page as tests saw it stay here."""

WAIT_MILLISECONDS = 30_000


def chromium() -> str:
    """The system's browser; the test is skipped without one unless REQUIRE_BROWSER is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail("no Chromium is installed")
    pytest.skip("no Chromium is installed")


@contextmanager
def open_browser() -> Iterator[Browser]:
    executable = chromium()
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        # As root, as in containers, Chromium's own sandbox cannot be set up.
        browser = playwright.chromium.launch(executable_path=executable, chromium_sandbox=False)
        yield browser
        browser.close()


class Witness:
    """Notes errors on the console, dialogs, and requests to other hosts of one page."""

    def __init__(self, page: Page, expected: Sequence[str]) -> None:
        self._expected = expected
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._on_dialog)
        page.on("request", lambda request: self.requests.append(request.url))

    def _on_console(self, message: Any) -> None:
        # What the server refuses, as an unknown word, the browser reports by itself.
        is_expected = any(text in message.text for text in self._expected)
        if message.type in ("error", "warning") and not is_expected:
            self.faults.append(f"{message.type}: {message.text}")

    def _on_dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self, host: str) -> None:
        """Nothing went wrong, and nobody else was asked."""
        assert not self.faults, self.faults
        hosts = {urlsplit(url).netloc for url in self.requests}
        assert hosts == {host}, hosts


@contextmanager
def open_page(
    browser: Browser, port: int, view: str = "now", expected: Sequence[str] = (), **options: Any
) -> Iterator[Page]:
    """A page in a profile of its own; at the end it must have behaved.

    ``expected`` are parts of messages on the console that are no fault.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    witness = Witness(page, expected)
    page.goto(f"http://127.0.0.1:{port}/#{view}")
    yield page
    witness.check(f"127.0.0.1:{port}")
    context.close()


def keep_screenshot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
