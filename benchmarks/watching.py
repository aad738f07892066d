"""A reader beside a live daemon: whether every snapshot arrives in time and no query fails.

Usage: python -m benchmarks.watching TEXT [--seconds 600] [--every 5s] [--threads 4]

Feeds TEXT to a daemon so slowly that it lasts, while threads ask one WordVectors that watches the
folder. Prints the delays from a snapshot's appearance to the callback, and what was asked.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from w2v_online import WordVectors, load_vectors
from w2v_online.errors import SnapshotError

_PAUSE_SECONDS = 0.02
"""Between two queries of a thread: asked often, with processor time left for the daemon."""


def _feed(daemon: subprocess.Popen[bytes], text: Path, seconds: float) -> None:
    """Write the text at the rate at which it lasts ``seconds``."""
    assert daemon.stdin is not None
    began = time.monotonic()
    size, written = text.stat().st_size, 0
    with text.open("rb") as lines:
        for line in lines:
            daemon.stdin.write(line)
            written += len(line)
            ahead = began + seconds * written / size - time.monotonic()
            if ahead > 0.1:
                daemon.stdin.flush()
                time.sleep(ahead)
    daemon.stdin.close()


class _Readers:
    """Threads that ask until told to stop; counts what they asked and what failed."""

    def __init__(self, wv: WordVectors, threads: int) -> None:
        self._wv = wv
        self._done = threading.Event()
        self.asked = [0] * threads
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        choose = random.Random(number)
        while not self._done.wait(_PAUSE_SECONDS):
            try:
                words = self._wv.words
                a, b, c = (words[choose.randrange(len(words))] for _ in range(3))
                answers = self._wv.most_similar(a, topn=10)
                assert len(answers) == 10, answers
                self._wv.similarity(a, b)
                self._wv.analogy(a, b, c)
                self._wv.embed([a, b, c])
                self.asked[number] += 4
            except BaseException as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


def main() -> None:
    """Run daemon and readers; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--every", default="5s")
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args()
    delays: list[float] = []
    sequences: list[int] = []

    def arrived(wv: WordVectors) -> None:
        delays.append(time.time() - (wv.path.parent / "LATEST").stat().st_mtime)
        sequences.append(wv.manifest["sequence"])

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        daemon = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamer", "--snapshot-dir", name),
                *("--snapshot-every", args.every, "--keep", "2", "--progress", "off"),
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        feeding = threading.Thread(target=_feed, args=(daemon, args.text, args.seconds))
        feeding.start()
        while True:
            try:
                wv = load_vectors(folder)
                break
            except SnapshotError:
                time.sleep(0.1)
        first = wv.manifest["sequence"]
        readers = _Readers(wv, args.threads)
        with wv.watch(arrived):
            feeding.join()
            daemon.wait()
            time.sleep(2.0)
        readers.stop()
        last = load_vectors(folder).manifest["sequence"]
    missed = sorted(set(range(first + 1, last + 1)) - set(sequences))
    delays.sort()
    print(f"snapshots {len(sequences)}, missed {missed}")
    print(f"delay median {delays[len(delays) // 2]:.3f} s, longest {delays[-1]:.3f} s")
    print(f"queries {sum(readers.asked):,}, failed {len(readers.failures)}")
    for failure in sorted(set(readers.failures)):
        print(failure)


if __name__ == "__main__":
    main()
