"""The documentation site: its generated pages, its links, and what a browser makes of it."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import w2v_online
from tests.integration.browser import Witness, open_browser
from tools import reference

_ROOT = Path(__file__).parent.parent
_WIDTHS = (390, 1440)


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    page = (reference.FOLDER / name).read_text()
    assert page == reference.PAGES[name](), "run: python -m tools.reference"


def test_the_python_reference_has_all_that_is_public() -> None:
    page = (_ROOT / "docs" / "reference" / "python.md").read_text()
    assert set(re.findall(r"^::: w2v_online\.(\w+)$", page, re.MULTILINE)) - {"errors"} == set(
        w2v_online.__all__
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a broken link or anchor ends the build."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "streamer", "w2v_online", "zensical.toml"):
        (folder / name).symlink_to(_ROOT / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_every_page_is_in_the_navigation() -> None:
    text = (_ROOT / "zensical.toml").read_text()
    pages = {str(f.relative_to(_ROOT / "docs")) for f in (_ROOT / "docs").rglob("*.md")}
    assert pages == set(re.findall(r'"([^"]+\.md)"', text))
    assert tomllib.loads(text)["project"]["nav"]


def test_the_site_takes_nothing_from_elsewhere(site: Path) -> None:
    """It works without a network: scripts, styles and fonts are its own."""
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img)[^>]*(?:src|href)="?(https?:[^" >]+)', page.read_text()
        )
        assert not loaded, page


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Nothing."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pages_fit_the_screen_and_draw_their_equations(address: str, site: Path) -> None:
    """No page scrolls sideways, on a phone or a desk, and no equation stays TeX."""
    with open_browser() as browser:
        for width in _WIDTHS:
            tab = browser.new_page(viewport={"width": width, "height": 900})
            witness = Witness(tab, ())
            for page in sorted(site.rglob("index.html")):
                path = page.parent.relative_to(site)
                tab.goto(f"{address}/{path}/")
                tab.wait_for_load_state("networkidle")
                wide = tab.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} at {width} pixels is {wide} wide"
                equations = tab.locator(".arithmatex").count()
                assert tab.locator(".arithmatex .katex-html").count() == equations, path
                assert tab.locator(".katex-error").count() == 0, path
            assert not witness.faults
            assert all(url.startswith((address, "data:")) for url in witness.requests)
            tab.close()
