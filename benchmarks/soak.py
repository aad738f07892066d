"""A daemon under full load for half an hour: what grows, what slows down.

Standard input at full speed, HTTP scraped every second, a snapshot every 20 seconds. Each second
the process is observed from outside: resident memory, threads, open files, words so far. Then
SIGTERM under full load: how long until it has ended with everything read in the snapshot.
``--queries N`` asks N questions a second too, in every second minute: what does that cost?

    python -m benchmarks.soak --minutes 30 --data corpus.txt
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from w2v_online import load_vectors

WARM_UP_SECONDS = 60.0
"""Until the vocabulary and all buffers have their size, or a tenth of the trial if that is less."""


@dataclass(frozen=True)
class Sample:
    """The process at one moment."""

    seconds: float
    resident_bytes: int
    threads: int
    files: int
    words: float
    asked: bool
    running_seconds: float
    queued_seconds: float


def feed(data: bytes, process: subprocess.Popen[bytes]) -> None:
    """Write the text again and again until nobody reads it."""
    assert process.stdin is not None
    try:
        while True:
            process.stdin.write(data)
    except (BrokenPipeError, ValueError):
        pass


def get(port: int, path: str) -> bytes:
    """The body of an answer; AssertionError unless it is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    assert response.status == 200, (response.status, path)
    return body


class Asker(threading.Thread):
    """Asks so many questions a second while ``asking`` is set, and counts the answers."""

    def __init__(self, port: int, per_second: float, words: list[str]) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._words = itertools.cycle(words)
        self._per_second = per_second
        self.asking = threading.Event()
        self.latencies: list[float] = []

    def run(self) -> None:
        """Ask until the process ends."""
        due = time.monotonic()
        while True:
            self.asking.wait()
            due = max(due + 1 / self._per_second, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.perf_counter()
            try:
                get(self._port, f"/v1/neighbors?word={quote(next(self._words))}&topn=10")
            except (OSError, AssertionError, http.client.HTTPException):
                continue
            self.latencies.append(time.perf_counter() - began)


def sample(pid: int, port: int, began: float, asked: bool) -> Sample:
    """Look at the process from outside."""
    status = Path(f"/proc/{pid}/status").read_text()
    words = re.search(rb"^w2v_stream_words_total (\S+)", get(port, "/metrics"), re.M)
    assert words is not None
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    threads = re.search(r"Threads:\s+(\d+)", status)
    assert resident is not None
    assert threads is not None
    return Sample(
        time.monotonic() - began,
        int(resident[1]) * 1024,
        int(threads[1]),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        float(words[1]),
        asked,
        *main_thread_seconds(pid),
    )


def main_thread_seconds(pid: int) -> tuple[float, float]:
    """How long the thread that trains has run, and how long it waited for a processor to run on."""
    running, queued, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(running) / 1e9, int(queued) / 1e9


def held_up(samples: list[Sample]) -> float:
    """Share of time that training neither ran nor lacked a processor: it waited for a lock or text.

    Other programs on the machine do not count in it.
    """
    first, last = samples[0], samples[-1]
    used = last.running_seconds - first.running_seconds + last.queued_seconds - first.queued_seconds
    return 1 - used / (last.seconds - first.seconds)


def rate(samples: list[Sample]) -> float:
    """Words a second over consecutive samples."""
    return (samples[-1].words - samples[0].words) / (samples[-1].seconds - samples[0].seconds)


def rate_running(samples: list[Sample]) -> float:
    """Words for each second that the training thread ran: neighbours touch it only by caches."""
    first, last = samples[0], samples[-1]
    return (last.words - first.words) / (last.running_seconds - first.running_seconds)


def third(samples: list[Sample], number: int) -> list[Sample]:
    """One of three equal parts."""
    size = len(samples) // 3
    return samples[number * size : (number + 1) * size]


def judge(samples: list[Sample]) -> dict[str, Any]:
    """What grew and what slowed down after the warm-up."""
    warm = min(WARM_UP_SECONDS, samples[-1].seconds / 10)
    kept = [s for s in samples if s.seconds >= warm]
    first, last = third(kept, 0), third(kept, 2)

    def mean(name: str, part: list[Sample]) -> float:
        return statistics.fmean(getattr(s, name) for s in part)

    return {
        "seconds": round(samples[-1].seconds),
        "words_per_second": round(rate(kept)),
        "throughput_last_to_first_third": round(rate(last) / rate(first), 4),
        "words_per_running_second_last_to_first_third": round(
            rate_running(last) / rate_running(first), 4
        ),
        "resident_mib_first_third": round(mean("resident_bytes", first) / 2**20, 1),
        "resident_mib_last_third": round(mean("resident_bytes", last) / 2**20, 1),
        "resident_last_to_first_third": round(
            mean("resident_bytes", last) / mean("resident_bytes", first), 4
        ),
        "resident_mib_highest": round(max(s.resident_bytes for s in kept) / 2**20, 1),
        "threads_most_in_first_and_last_third": [max(s.threads for s in p) for p in (first, last)],
        "files_most_in_first_and_last_third": [max(s.files for s in p) for p in (first, last)],
    }


def cost_of_queries(samples: list[Sample]) -> dict[str, float]:
    """What is lost while questions are asked, against the phases before and after: medians.

    Throughput; words per second that the training thread ran, which neighbours on the machine
    touch only through caches; and the time that it was held up.
    """
    phases: list[list[Sample]] = []
    for s in samples:
        if not phases or phases[-1][-1].asked != s.asked:
            phases.append([])
        phases[-1].append(s)
    phases = [phase for phase in phases if len(phase) > 5]

    def lost(figure: Callable[[list[Sample]], float]) -> float:
        ratios = [
            2 * figure(middle) / (figure(before) + figure(after))
            for before, middle, after in zip(phases, phases[1:], phases[2:], strict=False)
            if middle[0].asked
        ]
        return round(1 - statistics.median(ratios), 4)

    return {
        "throughput_lost_to_queries": lost(rate),
        "words_per_running_second_lost_to_queries": lost(rate_running),
        "held_up_with_queries": round(
            statistics.median(held_up(p) for p in phases if p[0].asked), 4
        ),
        "held_up_without": round(
            statistics.median(held_up(p) for p in phases if not p[0].asked), 4
        ),
    }


def main() -> None:
    """Run the trial and print what came of it, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="text, repeated without end")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--queries", type=float, default=0.0, help="questions a second")
    parser.add_argument("--phase-seconds", type=float, default=60.0)
    parser.add_argument("options", nargs="*", help="for the daemon, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(trial(arguments, Path(name)), indent=2))


def trial(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start, load, look, stop."""
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "streamer", "--snapshot-dir", folder / "s", "--http", "0",
                "--snapshot-every", "20s", "--keep", "2", *arguments.options,
            ],
            stdin=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip
    data = arguments.data.read_bytes()
    threading.Thread(target=feed, args=(data, process), daemon=True).start()
    while not (found := re.search(r"address=127.0.0.1:(\d+)", log.read_text())):
        time.sleep(0.1)
    port = int(found[1])
    while "snapshot_written" not in log.read_text():
        time.sleep(0.5)
    words = load_vectors(folder / "s").words[:30_000]
    asker = Asker(port, max(arguments.queries, 1e-9), words)
    asker.start()
    samples: list[Sample] = []
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < 60 * arguments.minutes:
        asked = bool(arguments.queries) and int(elapsed / arguments.phase_seconds) % 2 == 1
        asker.asking.set() if asked else asker.asking.clear()
        samples.append(sample(process.pid, port, began, asked))
        time.sleep(max(0.0, 1 - (time.monotonic() - began - elapsed)))
    asker.asking.clear()
    result = judge(samples)
    if arguments.queries:
        result |= cost_of_queries(samples)
        result["questions_answered"] = len(asker.latencies)
        result["median_answer_ms"] = round(1000 * statistics.median(asker.latencies), 1)
    stopping = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait()
    stopped = re.search(r"event=stopped .*?words=(\d+)", log.read_text())
    assert stopped is not None
    saved = load_vectors(folder / "s").manifest["totals"]["words"]
    return result | {
        "sigterm_seconds": round(time.monotonic() - stopping, 2),
        "exit_code": code,
        "all_words_in_snapshot": saved == int(stopped[1]),
        "snapshots": log.read_text().count("event=snapshot_written"),
    }


if __name__ == "__main__":
    main()
