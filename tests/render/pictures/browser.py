"""A real browser for the pages of `cnncalc show`: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def started() -> Iterator[Browser]:
    """Yield a browser without a window; skip the test where there is none."""
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
        yield browser
        browser.close()


class Visit:
    """A page that is open, with what it said to the console, and what it asked the network for."""

    def __init__(
        self,
        browser: Browser,
        path: Path,
        width: int = 1280,
        scheme: Literal["light", "dark"] = "light",
        motion: Literal["no-preference", "reduce"] = "no-preference",
    ):
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion=motion
        )
        self.said: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.goto(path.as_uri())
