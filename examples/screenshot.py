"""A picture of the live page, as docs/page.png is one: a server at URL, drawn into a PNG file.

    w2v-stream serve vectors --http 8787
    python examples/screenshot.py 'http://127.0.0.1:8787/#map' docs/page.png

Needs Chromium, playwright and Pillow: ``pip install playwright pillow``.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

COLOURS = 200
"""Enough for a page, and a quarter of the bytes."""


def main() -> None:
    """Open the page, wait for its pictures, save what is seen."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--width", type=int, default=1120)
    parser.add_argument("--height", type=int, default=940)
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(
            viewport={"width": arguments.width, "height": arguments.height},
            color_scheme=arguments.theme,
        )
        page.goto(arguments.url)
        page.wait_for_selector("#phase:not([data-state=off])")
        drawn = "section:not([hidden]) :is(.main-svg, table, .words:not(:empty), canvas)"
        page.locator(drawn).first.wait_for(timeout=180_000)  # a first map takes a while
        page.wait_for_timeout(1000)  # transitions end
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").quantize(COLOURS).save(arguments.file, optimize=True)


if __name__ == "__main__":
    main()
