"""The HTML page that ``map`` and ``drift`` write, in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from streamer.commands.pictures.files import read_layout, write_picture
from streamer.commands.pictures.picture import Picture
from tests.integration.browser import keep_screenshot, open_browser
from w2v_online.analysis.clusters import Cluster
from w2v_online.analysis.layout import Layout

_WORDS = ["King", "国王", "ملك", "</script>", "%%TITLE%%", "<b>", *(f"w{i}" for i in range(3000))]


@pytest.fixture
def picture() -> Picture:
    positions = np.random.default_rng(1).normal(size=(len(_WORDS), 2)) * (3, 1)
    details = [f"occurs {i} times" for i in range(len(_WORDS))]
    clusters = [Cluster(["<i>", "国王"], 0.0, 0.0, 50)]
    return Picture("3,006 words of <x>", Layout(_WORDS, positions), details, clusters=clusters)


def test_the_page_finds_zooms_and_is_dark_or_light(picture: Picture, tmp_path: Path) -> None:
    """It is small, asks nobody for anything, and shows words as text."""
    file = tmp_path / "map.html"
    write_picture(picture, file)
    assert file.stat().st_size < 2_000_000
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 700}, color_scheme="light")
        faults: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{file.as_uri()}#king")
        assert page.title() == "3,006 words of <x>"
        expect(page.locator("#found")).to_have_text("1 found")
        width = "view.right - view.left"
        near = page.evaluate(width)
        page.get_by_role("button", name="All").click()
        assert page.evaluate(width) > 3 * near
        field = page.get_by_role("searchbox")
        for word in ("国王", "ملك", "</script>", "%%TITLE%%"):
            field.fill(word)
            expect(page.locator("#found")).to_have_text("1 found")
        keep_screenshot(page, "picture-light")
        field.fill("nobody")
        expect(page.locator("#found")).to_have_text("not on the map")
        everything = page.evaluate(width)
        page.locator("#map").focus()
        page.keyboard.press("+")
        assert page.evaluate(width) < everything
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate(background) != light
        axe = Axe()
        for _ in range(2):
            assert axe.run(page).response["violations"] == []
            page.get_by_role("button", name="Light").or_(
                page.get_by_role("button", name="Dark")
            ).click()
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        keep_screenshot(page, "picture-phone")
        assert (faults, asked) == ([], [file.as_uri()])


def test_a_device_is_not_looked_through_for_an_older_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be read without an end, as /dev/full is, and a pipe waits."""
    (tmp_path / "map.html").symlink_to("/dev/null")
    monkeypatch.setattr(Path, "read_text", lambda *_: pytest.fail("it was read"))
    assert read_layout(tmp_path / "map.html") is None


@pytest.mark.parametrize("suffix", [".html", ".png"])
def test_a_title_may_name_a_file_whose_name_is_no_text(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"map{suffix}"
    layout = Layout(["a", "b"], np.eye(2))
    write_picture(Picture("2 words of mod\udce8le.vec", layout, ["", ""]), file)
    found = read_layout(file)
    assert found is not None
    assert found.words == ["a", "b"]
    if suffix == ".html":
        assert "<title>2 words of mod\\udce8le.vec</title>" in file.read_text("utf-8")


def test_a_png_is_filled(picture: Picture, tmp_path: Path) -> None:
    """Something is drawn near each edge, though the layout is three times as wide as high."""
    image = pytest.importorskip("PIL.Image")
    write_picture(picture, tmp_path / "map.png")
    with image.open(tmp_path / "map.png") as opened:
        drawn = np.asarray(opened.convert("L")) < 250
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    height, width = drawn.shape
    assert rows[0] < 0.08 * height
    assert rows[-1] > 0.92 * height
    assert columns[0] < 0.08 * width
    assert columns[-1] > 0.92 * width
