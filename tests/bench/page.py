"""Sizes of the pages of `cnncalc show`, and how fast a browser opens them: `python -m tests.bench.page`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from tests.program import process
from tests.render.pictures.browser import Visit, started

NETWORKS = ("lenet5", "resnet50", "inception_v3", "densenet121")
OPENED = "performance.timing.loadEventEnd - performance.timing.navigationStart"
MOVED = """() => {
    const begin = performance.now();
    for (let turn = 0; turn < 10; turn++) choose(chosen.at, chosen.index.map((at) => (at + 1) % 2));
    return (performance.now() - begin) / 10;
}"""


def main(times: int = 7) -> None:
    """Print a line for each network: the page's bytes, and the milliseconds to open it and to move the unit."""
    with tempfile.TemporaryDirectory() as folder:
        for page in started():
            for name in NETWORKS:
                path = Path(folder) / f"{name}.html"
                assert process("show", name, "-o", str(path)).code == 0
                opened, moved = zip(*[measured(page, path) for _ in range(times)], strict=True)
                figures = f"opens in {median(opened):.0f} ms, moves in {median(moved):.1f} ms"
                sys.stdout.write(f"{name:14} {path.stat().st_size:9,} bytes, {figures}\n")


def measured(page: Page, path: Path) -> tuple[float, float]:
    """Return how long it takes to open a page, and to move the unit."""
    Visit(page, path)
    return page.evaluate(OPENED), page.evaluate(MOVED)


if __name__ == "__main__":
    main()
