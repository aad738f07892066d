"""The live page of a daemon under full load: first paint, a question, the map, and what it costs.

A daemon learns a text again and again until its vocabulary has so many words (--min-count 1), and
goes on under full load. Chromium then opens the page in a fresh profile, several times: until the
first contentful paint; from Enter to a table of neighbours; from a click on Map to all points
drawn, the first time for a snapshot and again. Then minutes with the page open and minutes without
take turns: words per second that the training thread ran, and time it was delayed.

    python -m benchmarks.page --data corpus.txt --words 200000 --minutes 10 --write-docs
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import report
from benchmarks.report import spread, table
from benchmarks.soak import Sample, cost_of_queries, feed, get, sample
from w2v_online import load_vectors

_QUESTIONS = 40

_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime"""

_ASK = """async (word) => {
    const began = performance.now();
    location.hash = `#ask?word=${encodeURIComponent(word)}`;
    const heading = `Similar to ${word}`;
    while (document.querySelector("#answer h3")?.textContent !== heading)
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""

_MAP = """async () => {
    const began = performance.now();
    location.hash = "#map";
    while (!/words of snapshot/.test(document.getElementById("map-state").textContent)
           || document.querySelectorAll("#map-plot .point").length < 3000)
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""


@contextmanager
def opened(browser: Browser, port: int) -> Iterator[Page]:
    """The page in a profile that has never seen it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    yield page
    context.close()


def first_paint(browser: Browser, port: int, rounds: int) -> list[float]:
    """Milliseconds from the navigation to the first paint with content."""
    times = []
    for _ in range(rounds):
        with opened(browser, port) as page:
            page.wait_for_function(_PAINT)
            times.append(page.evaluate(_PAINT))
    return times


def questions(browser: Browser, port: int, words: list[str]) -> list[float]:
    """Milliseconds from asking for a word to its neighbours on the screen."""
    with opened(browser, port) as page:
        page.wait_for_selector("#phase[data-state=on], #phase[data-state=warn]")
        return [page.evaluate(_ASK, word) for word in words[:_QUESTIONS]]


def served(port: int, words: list[str]) -> list[float]:
    """Milliseconds of the same questions without a browser."""
    times = []
    for word in words[:_QUESTIONS]:
        began = time.perf_counter()
        get(port, f"/v1/neighbors?word={word}&topn=15")
        times.append(1000 * (time.perf_counter() - began))
    return times


def maps(browser: Browser, port: int, log: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the map: the first time that anybody asks for a snapshot's, and again."""
    first, again = [], []
    for _ in range(rounds):
        written = log.read_text().count("snapshot_written")
        while log.read_text().count("snapshot_written") == written:
            time.sleep(0.5)
        for times in (first, again):
            with opened(browser, port) as page:
                page.wait_for_selector("#phase[data-state=on], #phase[data-state=warn]")
                times.append(page.evaluate(_MAP))
    return first, again


def cost(browser: Browser, pid: int, port: int, view: str, minutes: float) -> dict[str, Any]:
    """What training loses while the page is open at a view: it and its absence take turns."""
    samples: list[Sample] = []
    began = time.monotonic()
    page = None
    while (elapsed := time.monotonic() - began) < 60 * minutes:
        is_open = int(elapsed / 60) % 2 == 1
        if is_open and page is None:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(f"http://127.0.0.1:{port}/#{view}")
        elif not is_open and page is not None:
            page.context.close()
            page = None
        samples.append(sample(pid, port, began, is_open))
        pause = max(0.0, 1 - (time.monotonic() - began - elapsed))
        # Waiting in the browser's client lets it do its work.
        page.wait_for_timeout(1000 * pause) if page else time.sleep(pause)
    if page is not None:
        page.context.close()
    found = cost_of_queries(samples)
    return {name.replace("queries", "the_page"): value for name, value in found.items()}


def trial(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start the daemon, fill it, measure."""
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "streamer", "--snapshot-dir", folder / "s", "--http", "0",
                "--snapshot-every", arguments.snapshot_every, "--keep", "5", "--progress", "off",
                "--min-count", "1", "--max-vocab-size", str(arguments.words),
            ],
            stdin=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
    try:
        threading.Thread(
            target=feed, args=(arguments.data.read_bytes(), process), daemon=True
        ).start()
        while not (found := re.search(r"address=127.0.0.1:(\d+)", log.read_text())):
            time.sleep(0.1)
        port = int(found[1])
        while f"vocabulary={arguments.words} " not in log.read_text():
            time.sleep(0.5)
        words = [
            word for word in load_vectors(folder / "s").words[500:20_000:400] if word.isalpha()
        ]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            result: dict[str, Any] = {"words": len(load_vectors(folder / "s"))}
            result["first_paint"] = first_paint(browser, port, arguments.rounds)
            result["question_in_the_browser"] = questions(browser, port, words)
            result["question_served"] = served(port, words)
            first, again = maps(browser, port, log, arguments.rounds)
            result["map_of_a_new_snapshot"] = first
            result["map_again"] = again
            for view in arguments.views:
                result[f"cost_{view}"] = cost(browser, process.pid, port, view, arguments.minutes)
            browser.close()
    finally:
        process.terminate()
        process.wait()
    return result


_ROWS = {
    "first_paint": "first paint, new profile",
    "question_in_the_browser": "a word to its neighbours on the screen",
    "question_served": "the same without a browser",
    "map_of_a_new_snapshot": "map of a new snapshot, all points drawn",
    "map_again": "the same map again",
}

_COSTS = {
    "words_per_running_second_lost_to_the_page": "fewer words per second that training ran",
    "held_up_with_the_page": "training held up, page open",
    "held_up_without": "training held up, no page",
    "throughput_lost_to_the_page": "fewer words per second, other programs included",
}


def markdown(result: dict[str, Any], options: argparse.Namespace) -> str:
    """Tables of the times and of what the page costs."""
    times = [[text, spread(result[name]).format(",.0f")] for name, text in _ROWS.items()]
    views = [name for name in result if name.startswith("cost_")]
    costs = [
        [text, *(f"{100 * result[view][name]:.1f}" for view in views)]
        for name, text in _COSTS.items()
    ]
    parts = [table(["", "ms"], times)]
    if views:
        heads = [f"page open at {view.removeprefix('cost_').capitalize()}, %" for view in views]
        parts.append(table(["", *heads], costs))
    parts.append(
        report.conditions(
            "page",
            f"{result['words']:,} words, vector_size 100, a snapshot every "
            f"{options.snapshot_every}, daemon and browser on the same machine; median (least to "
            "greatest).",
            f"What the page costs: medians over minutes with it, against those before and after, "
            f"{options.minutes:g} minutes a view. Learning is held up when it neither runs nor "
            "lacks a processor.",
            f"Load of the machine at the end: {os.getloadavg()[1]:.1f} on {os.cpu_count()} CPUs.",
            packages=["plotly", "playwright"],
        )
    )
    return "\n\n".join(parts)


def main() -> None:
    """Run the trial and publish what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="text, repeated without end")
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each view")
    parser.add_argument("--rounds", type=int, default=7, help="of first paint and map")
    parser.add_argument("--snapshot-every", default="20s")
    parser.add_argument("--views", nargs="*", default=["now", "map"])
    report.add_docs_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = trial(options, Path(name))
    text = markdown(result, options)
    report.publish("page", result, text, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
