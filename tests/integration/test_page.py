"""The live page of a running daemon, in a real browser, on real text and on nasty words."""

from __future__ import annotations

import pydoc_data.topics
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from streamer.http.atlas import MAP_WORDS
from streamer.publishing.report import FOLDER, Report
from tests.integration.browser import keep_screenshot, open_browser, open_page
from tests.integration.daemons import wait_until
from tests.integration.test_http import TOKEN, Daemon
from w2v_online import load_vectors
from w2v_online.analysis.content_words import content_words

CONNECTED = re.compile("^(on|warn)$")
"""Whatever there may be to warn of: a slow machine lets the daemon be idle for minutes."""

TEXT = "\n".join(pydoc_data.topics.topics.values()).lower()

NASTY = [
    "<script>document.title='owned'</script>",
    "<img/src=x/onerror=alert(1)>",
    "&lt;b&gt;",
    '"it\'s"',
    "`${1}`",
    "\u200cgnp.exe",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "🤴🏽👩‍👩‍👧",
    "../../etc/passwd?a=b&c#d%41",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that has read documentation and nasty words, with two snapshots of them."""
    nasty = "\n".join(" ".join(NASTY[i:] + NASTY[:i]) for i in range(len(NASTY)))
    with Daemon(tmp_path_factory.mktemp("page"), "--vector-size", "24") as daemon:
        for _ in range(2):
            learn_and_save(daemon, TEXT + "\n" + "\n".join([nasty] * 8))
        yield daemon


def learn_and_save(daemon: Daemon, text: str) -> str:
    """Have text learned and a snapshot of it written; its name."""
    before = daemon.metrics()
    daemon.learn(text.encode() + b"\n")
    words = before["w2v_stream_words_total"] + len(text.split())
    wait_until(lambda: daemon.metrics()["w2v_stream_words_total"] >= words)
    daemon.process.send_signal(signal.SIGUSR1)
    snapshots = before["w2v_stream_snapshots_total"]
    wait_until(lambda: daemon.metrics()["w2v_stream_snapshots_total"] > snapshots)
    return load_vectors(daemon.folder).path.name


def test_a_visit(browser: Browser, daemon: Daemon) -> None:
    """A word is asked, a neighbour clicked, the map looked at, and a snapshot arrives meanwhile."""
    with open_page(browser, daemon.port) as page:
        expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
        expect(page.locator("#source")).to_contain_text("standard input")
        expect(page.locator(".card:visible")).to_have_count(4)  # standard input has no lag
        expect(page.locator(".card:visible .curve path.js-line")).to_have_count(4)
        keep_screenshot(page, "now")

        page.get_by_role("link", name="Ask").click()
        page.get_by_label("Similar words", exact=True).fill("exception")
        page.keyboard.press("Enter")
        rows = page.locator("table.found tbody tr")
        expect(rows).to_have_count(15)
        vectors = load_vectors(daemon.folder)
        nearest = vectors.most_similar("exception", topn=15)
        assert [row.locator("th").inner_text() for row in rows.all()] == [w for w, _ in nearest]
        expect(rows.first).to_contain_text(f"{nearest[0][1]:.3f}")
        expect(page.locator(".moment")).to_have_count(2)
        expect(page.locator(".way path.js-line")).to_have_count(1)
        keep_screenshot(page, "ask")
        page.get_by_label("among").select_option("10000")
        expect(rows).to_have_count(15)
        rows.first.locator("a").click()
        expect(page.locator("#answer h3").first).to_have_text(f"Similar to {nearest[0][0]}")
        page.go_back()
        expect(page.locator("#answer h3").first).to_have_text("Similar to exception")

        page.get_by_role("link", name="Map").click()
        expect(page.locator("#map-state")).to_contain_text("words of snapshot", timeout=240_000)
        expect(page.locator("#map-plot .points path.point").first).to_be_attached()
        on_map = content_words(vectors.table, MAP_WORDS)
        hits = sum(word.startswith("exception") for word in on_map)
        page.get_by_label("Find", exact=True).fill("exception")
        expect(page.locator("#map-state")).to_have_text(f"{hits} found on the map.")
        keep_screenshot(page, "map")
        page.evaluate("window.isTheSamePage = true")
        name = learn_and_save(daemon, TEXT)
        number = int(name.partition("-")[0])
        expect(page.locator("#snapshot")).to_contain_text(f"snapshot {number},")
        expect(page.locator("#map-state")).to_contain_text(
            f"words of snapshot {number}.", timeout=240_000
        )
        expect(page.locator("#news")).to_contain_text("A new snapshot has come")

        page.get_by_role("link", name="Drift").click()
        expect(page.locator("#drift-state")).to_contain_text("as usual")
        page.get_by_label("Moved at least").fill("0")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("#drift-table tbody tr")).to_have_count(40)
        expect(page.locator("#drift-table .fresh").first).to_be_visible()
        expect(page.locator("#since option")).to_have_count(number - 1)
        keep_screenshot(page, "drift")
        assert page.evaluate("window.isTheSamePage")


def test_stores_that_follow_the_model(browser: Browser, daemon: Daemon) -> None:
    """What their publishers tell, on the page and as metrics, though none runs."""
    folder = daemon.folder / FOLDER / "0123"
    folder.mkdir(parents=True)
    report = Report("kafka://h:9092/words", upserted=7)
    report.failed("no broker")
    report.succeeded("00000001-20200101T000000Z", 1234)
    report.write(folder)
    with open_page(browser, daemon.port) as page:
        stores = page.locator("#stores")
        expect(stores).to_contain_text("kafka://h:9092/words", timeout=30_000)
        expect(stores).to_contain_text(re.compile("1,234 words, .* behind, failures: 1"))
        report.succeeded(load_vectors(daemon.folder).path.name, 1234)
        report.failed("<b>refused</b>")
        report.write(folder)
        expect(stores).to_contain_text("in step, failures: 2; failing: <b>refused</b>")
    metrics = daemon.metrics()
    to = " kafka://h:9092/words"
    assert metrics["w2v_stream_publish_words" + to] == 1234
    assert metrics["w2v_stream_publish_lag_seconds" + to] == 0
    assert metrics["w2v_stream_publish_failures_total" + to] == 2
    shutil.rmtree(folder)


def test_unexpected_records_are_shown_and_their_kind_is_muted(
    browser: Browser, tmp_path: Path
) -> None:
    """Words are marked, markup is text; what is muted comes no more, and can be sent again."""
    options = ["--alert-warm-up", "1000", "--alert-window", "1s", "--boundaries", "--sample", "0"]
    file = tmp_path / "alerts.jsonl"
    calm = b"user came from host\n" * 2000

    def written() -> int:
        return len(file.read_bytes().splitlines())

    with Daemon(tmp_path, "--alerts", str(file), *options) as daemon:
        daemon.learn(calm)
        wait_until(lambda: daemon.metrics()["w2v_stream_scored_records_total"] == 2000)
        daemon.learn(b"user lost <b>disk</b> 7 from host\n")
        with open_page(browser, daemon.port) as page:
            record = page.locator("#alerts-latest li").first
            expect(record.locator(".record")).to_have_text("user lost <b>disk</b> 7 from host")
            expect(record.locator("mark", has_text="<b>disk</b>")).to_be_visible()
            expect(record).to_contain_text("source stdin line 2001")
            keep_screenshot(page, "alerts")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = Axe().run(page).response["violations"]
                assert [entry for entry in found if entry["impact"] != "minor"] == []
            record.get_by_role("button", name="Mute this kind").click()
            expect(page.locator("#alerts-muted")).to_be_visible()
            before = written()
            daemon.learn(b"user lost <b>disk</b> 8 from host\n")
            muted = "w2v_stream_alerts_suppressed_total muted"
            wait_until(lambda: daemon.metrics()[muted] == 1)
            assert written() == before
            page.locator("#alerts-muted summary").click()
            page.get_by_role("button", name="Send again").click()
            expect(page.locator("#alerts-muted")).to_be_hidden()
            assert page.evaluate("document.querySelectorAll('#alerts b').length") == 0


def test_nasty_words_are_text_everywhere(browser: Browser, daemon: Daemon) -> None:
    with open_page(browser, daemon.port, "map") as page:
        expect(page.locator("#map-state")).to_contain_text("words of snapshot", timeout=240_000)
        for word in NASTY:
            page.get_by_label("Find", exact=True).fill(word)
            expect(page.locator("#map-state")).to_have_text("1 found on the map.")
            labels = page.locator("#map-plot .textpoint")
            expect(labels.filter(has_text=word).first).to_be_attached()
        keep_screenshot(page, "map-nasty")
        page.goto(f"http://127.0.0.1:{daemon.port}/#drift")
        page.get_by_label("Occurs at least").fill("100")
        page.get_by_label("Moved at least").fill("0")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("#drift-table tbody tr").first).to_be_attached()
        for word in NASTY:
            page.goto(f"http://127.0.0.1:{daemon.port}/#ask?word={quote(word)}")
            expect(page.locator("#answer h3").first).to_have_text(f"Similar to {word}")
            expect(page.locator("#word")).to_have_value(word)
            shown = page.locator("table.found tbody th").all_text_contents()
            nearest = load_vectors(daemon.folder).most_similar(word, topn=15)
            assert shown == [near for near, _ in nearest]
            expect(page.locator(".moment").first).to_be_attached()
        keep_screenshot(page, "ask-nasty")
        no_markup = "document.querySelectorAll('main script, main img, main b').length"
        assert page.evaluate(no_markup) == 0
        assert page.title() == "Ask · w2v-stream"


def test_unknown_words_analogies_and_sentences(browser: Browser, daemon: Daemon) -> None:
    with open_page(browser, daemon.port, "ask?word=exeption", ["status of 404"]) as page:
        expect(page.locator("#answer")).to_contain_text("has no vector")
        page.locator("#answer .words a", has_text="exception").first.click()
        expect(page.locator("#answer h3").first).to_have_text("Similar to exception")
        for name, word in zip("abc", ("int", "integer", "str"), strict=True):
            page.locator(f"#ask-analogy input[name={name}]").fill(word)
        page.get_by_role("button", name="Solve").click()
        expect(page.locator("#answer h3").first).to_contain_text("int is to integer as str is to")
        answer = load_vectors(daemon.folder).analogy("int", "integer", "str", topn=1)[0][0]
        expect(page.locator("table.found tbody th").first).to_have_text(answer)
        page.get_by_label("Words similar to a sentence").fill("Raise an exception, xyzzyx!")
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text("left out: xyzzyx!")
        expect(page.locator("table.found tbody tr")).to_have_count(15)


def test_axe_finds_nothing_to_speak_of(browser: Browser, daemon: Daemon) -> None:
    """In every view, light and dark."""
    axe = Axe()
    with open_page(browser, daemon.port, expected=["status of 404"]) as page:
        for view in ("now", "ask?word=exception", "ask?word=exeption", "map", "drift"):
            turn_to(page, daemon, view)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = axe.run(page).response["violations"]
                assert [entry for entry in found if entry["impact"] != "minor"] == []
                keep_screenshot(page, f"{view.partition('?')[0]}-{scheme}")


def turn_to(page: Page, daemon: Daemon, view: str) -> None:
    """Show a view and wait until it shows what it has to show."""
    page.goto(f"http://127.0.0.1:{daemon.port}/#{view}")
    last = {
        "now": ".card:visible .main-svg",
        "ask?word=exception": ".moment",
        "ask?word=exeption": "#answer .words",
        "map": "#movers li",
        "drift": "#drift-state:has-text('usual')",
    }[view]
    expect(page.locator(last).first).to_be_visible(timeout=240_000)


def test_nothing_is_wider_than_a_phone(browser: Browser, daemon: Daemon) -> None:
    size = {"width": 360, "height": 740}
    with open_page(browser, daemon.port, viewport=size, has_touch=True) as page:
        for view in ("now", "ask?word=exception", "map", "drift"):
            turn_to(page, daemon, view)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            keep_screenshot(page, f"{view.partition('?')[0]}-phone")
        page.goto(f"http://127.0.0.1:{daemon.port}/#ask?word={quote(NASTY[0])}")
        expect(page.locator("#answer h3").first).to_have_text(f"Similar to {NASTY[0]}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_everything_can_be_done_with_the_keyboard(browser: Browser, daemon: Daemon) -> None:
    with open_page(browser, daemon.port) as page:
        expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
        for _ in range(3):  # past "Skip to the content" and Now
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#ask-view")).to_be_visible()
        expect(page.locator("#answer .words a").first).to_be_visible()
        page.locator("#answer .words a").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("table.found tbody tr")).to_have_count(15)
        turn_to(page, daemon, "map")
        width = "(r => r[1] - r[0])(document.getElementById('map-plot')._fullLayout.xaxis.range)"
        everything = page.evaluate(width)
        page.locator("#map-plot").focus()
        page.keyboard.press("+")
        page.wait_for_function(f"{width} < {0.8 * everything}")
        left = "document.getElementById('map-plot')._fullLayout.xaxis.range[0]"
        before = page.evaluate(left)
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"{left} > {before}")
        page.keyboard.press("0")
        page.wait_for_function(f"{width} > {0.9 * everything}")


def test_the_theme_can_be_chosen_and_stays(browser: Browser, daemon: Daemon) -> None:
    with open_page(browser, daemon.port, color_scheme="light") as page:
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate(background) != light
        page.reload()
        expect(page.get_by_role("button", name="Light")).to_be_visible()
        assert page.evaluate(background) != light


def test_the_page_asks_for_the_token(browser: Browser, tmp_path: Path) -> None:
    """Its files are for everyone, what they show is not; a wrong token is asked for again."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with Daemon(tmp_path, "--http-token-file", str(file)) as daemon:
        assert daemon.get("/")[0] == 200
        for path in ("/v1/events", "/v1/map", "/v1/words"):
            assert daemon.get(path)[0] == 401
        with open_page(browser, daemon.port, expected=["status of 401", "status of 503"]) as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            field = page.get_by_label("Token", exact=True)
            field.fill("wrong")
            page.keyboard.press("Enter")
            expect(page.get_by_text("Wrong token.")).to_be_visible()
            field.fill(TOKEN)
            page.keyboard.press("Enter")
            expect(page.locator("#token-dialog")).to_be_hidden()
            expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
            page.reload()
            expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
            assert TOKEN not in " ".join([page.url, *asked])
            page.get_by_role("link", name="Ask").click()
            expect(page.locator("#answer")).to_contain_text("holds no snapshot")


def test_a_daemon_that_ends_and_comes_back_is_noticed(browser: Browser, tmp_path: Path) -> None:
    with (
        Daemon(tmp_path) as first,
        open_page(browser, first.port, expected=["net::ERR_", "status of"]) as page,
    ):
        expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
        first.process.terminate()
        expect(page.locator("#gone")).to_contain_text("The server has not answered for")
        expect(page.locator("#phase")).to_have_text("no answer")
        expect(page.locator("body")).to_have_class("stale")
        keep_screenshot(page, "gone")
        assert first.process.wait(180) == 0
        page.goto(f"http://127.0.0.1:{first.port}/#ask/word")
        expect(page.locator("#answer")).to_contain_text("The server does not answer.")
        with Daemon(tmp_path, "--http", f"127.0.0.1:{first.port}"):
            expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
            expect(page.locator("#gone")).to_be_hidden()


def test_a_server_that_hangs_is_as_unmistakable_as_a_dead_one(
    browser: Browser, tmp_path: Path
) -> None:
    with Daemon(tmp_path) as daemon, open_page(browser, daemon.port) as page:
        expect(page.locator("#phase")).to_have_attribute("data-state", CONNECTED)
        expect(page.locator("#snapshot")).to_contain_text("first snapshot in")
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            expect(page.locator("#gone")).to_be_visible()
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        expect(page.locator("#gone")).to_be_hidden()


def test_words_are_found_in_another_case_and_every_view_has_an_address(
    browser: Browser, daemon: Daemon
) -> None:
    with open_page(browser, daemon.port, "ask/EXCEPTION", ["status of 404"]) as page:
        expect(page.locator("#answer h3").first).to_have_text("Similar to exception")
        page.get_by_role("link", name="Ask").click()
        expect(page.locator("#word")).to_have_value("")
        expect(page.locator("#word")).to_be_focused()
        page.goto(f"http://127.0.0.1:{daemon.port}/#map?word=exception")
        expect(page.locator("#find-word")).to_have_value("exception")
        expect(page.locator("#map-state")).to_contain_text("found on the map", timeout=240_000)
        page.get_by_label("Find", exact=True).fill("xyzzyx")
        page.get_by_role("link", name="Look among all words").click()
        expect(page.locator("#answer")).to_contain_text("has no vector")
