"""A real browser for the pages of `cnncalc show`: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def started() -> Iterator[Page]:
    """Yield an empty page in a headless browser; skip the test if there is none."""
    driver = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: the extra `browser` has it"
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail("chromium is not installed, and CI tries the page in it")
        pytest.skip("chromium is not installed")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


class Visit:
    """A file that is open in a page, with its console messages and network requests.

    One page shows one file after another, as a new page takes a second for its process.
    """

    def __init__(
        self,
        page: Page,
        path: Path,
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
        motion: Literal["no-preference", "reduce"] = "no-preference",
    ):
        self.page = page
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="screen", color_scheme=scheme, reduced_motion=motion)
        page.mouse.move(0, 0)
        self.said: list[str] = []
        self.requested: list[str] = []
        self._heard: list[tuple[Any, Callable[[Any], None]]] = [
            ("console", lambda message: self.said.append(message.text)),
            ("pageerror", lambda error: self.said.append(str(error))),
            ("request", lambda request: self.requested.append(request.url)),
        ]
        for event, listener in self._heard:
            page.on(event, listener)
        page.goto(path.as_uri())

    def end(self) -> None:
        """Stop listening to the page, which shows another file next."""
        for event, listener in self._heard:
            self.page.remove_listener(event, listener)
