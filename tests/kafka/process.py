"""A daemon as a process whose events can be waited for."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from w2v_online import load_vectors

WAIT_SECONDS = 600.0
"""Longest wait: on a busy machine a cluster takes minutes to start its processes."""
_MAIN = "import sys; from streamer.__main__ import main; sys.exit(main())"
SMALL = ["--vector-size", "8", "--min-count", "1", "--max-vocab-size", "5000"]


class Daemon:
    """``w2v-stream run``, or another command, with some options.

    ``lines`` is what it has written to stderr so far. ``code`` is run in it first.
    """

    def __init__(
        self,
        *args: str,
        folder: Path,
        env: dict[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        command: str = "run",
        code: str = "",
    ) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith("W2V_STREAM_")}
        options = [*SMALL, "--snapshot-dir", str(folder), *args]
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{code}\n{_MAIN}", command, *options],
            stdin=stdin,
            stderr=subprocess.PIPE,
            env=kept | (env or {}),
            text=True,
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            for line in self.process.stderr:
                with self._news:
                    self.lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, pattern: str, count: int = 1, seconds: float = WAIT_SECONDS) -> str:
        """The ``count``-th line that the pattern is found in."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                found = [line for line in self.lines if re.search(pattern, line)]
                if len(found) >= count:
                    return found[count - 1]
                ended = not self._reader.is_alive()
                if ended or not self._news.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no {pattern}:\n" + "".join(self.lines))

    def times_of(self, pattern: str) -> list[float]:
        """When each line that the pattern is found in was written, in seconds."""
        with self._news:
            found = [line for line in self.lines if re.search(pattern, line)]
        stamps = [re.match(r"timestamp=(\S+)", line) for line in found]
        return [datetime.fromisoformat(stamp[1]).timestamp() for stamp in stamps if stamp]

    def event(self, name: str, count: int = 1) -> str:
        return self.wait_for(rf"event={name}\b", count)

    def wait_until(self, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait for something that the daemon does not say."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "".join(self.lines)
            assert self.process.poll() is None, "".join(self.lines)
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the daemon over HTTP: the status, and the answer, read if it is JSON."""
        address = re.findall(r"address=127.0.0.1:(\d+)", self.event("http_listening"))[0]
        connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=240)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        is_json = response.headers.get("content-type") == "application/json"
        return response.status, json.loads(body) if is_json else body.decode()

    def metrics(self) -> dict[str, float]:
        """What a scrape finds, by name."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {sample.name: sample.value for family in families for sample in family.samples}

    def problems(self) -> list[str]:
        """Names of the problems that ``/readyz`` tells."""
        return [problem["name"] for problem in self.get("/readyz")[1]["problems"]]

    def saved_words(self) -> int:
        """Words in the newest snapshot that was logged."""
        with self._news:
            for line in reversed(self.lines):
                if found := re.search(r"event=snapshot_written.* words=([0-9]+)", line):
                    return int(found[1])
        return 0

    def wait_for_words(self, words: int, seconds: float = WAIT_SECONDS) -> None:
        self.wait_until(lambda: self.saved_words() >= words, seconds)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=WAIT_SECONDS)
        self._reader.join()
        assert "Traceback" not in "".join(self.lines), "".join(self.lines)
        return code


def counts(folder: Path) -> Counter[str]:
    """How often each word is in the newest snapshot."""
    vectors = load_vectors(folder)
    return Counter(dict(zip(vectors.words, map(int, vectors.counts), strict=True)))


def lines_of(number: int, words: int = 12, vocabulary: int = 500, seed: int = 0) -> list[bytes]:
    """So many different lines of text, always the same."""
    state = seed + 1
    lines = []
    for _ in range(number):
        line = []
        for _ in range(words):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            # The smaller of two is drawn more often, as words are.
            line.append(b"w%d" % min((state >> 33) % vocabulary, (state >> 20) % vocabulary))
        lines.append(b" ".join(line))
    return lines


def words_of(lines: list[bytes]) -> Counter[str]:
    return Counter(word for line in lines for word in line.decode().split())
