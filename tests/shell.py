"""Commands of the documents run in a shell, in a folder that has what they name."""

from __future__ import annotations

import gzip
import lzma
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT
from tests.integration.daemons import environment, wait_until

_ENDLESS = {
    re.compile(r"--follow\b"): "event=started",
    re.compile(r"--kafka-topic\b"): "event=kafka_partition_begun",
    re.compile(r"\bw2v-stream serve\b"): "event=http_listening",
}
"""Commands without an end, and what they say when they do what they are for."""

_LINES = [
    "France Spain Paris Madrid and Berlin, of Germany",
    "a king and a queen, a man and a woman",
    "2026-01-31 12:00 the socket was closed",
]
_SIMILARITY = "france\tspain\t8.0\nking\tqueen\t7.5\nman\twoman\t6.0\n"
_ANALOGIES = ": capital\nparis france madrid spain\n: family\nman woman king queen\n"


def environment_of(folder: Path) -> dict[str, str]:
    """A path with the programs that commands begin with, and small models."""
    return environment() | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "W2V_STREAM_MIN_COUNT": "1",
        "W2V_STREAM_VECTOR_SIZE": "8",
        "W2V_STREAM_MAX_VOCAB_SIZE": "5000",
    }


def furnish(folder: Path) -> None:
    """Programs, files and two snapshots under the names that the documents use."""
    text = "\n".join(_LINES * 100) + "\n"
    lower = text.lower().replace(",", "")
    programs = {
        "w2v-stream": f'exec "{sys.executable}" -m streamer "$@"',
        "python": f'exec "{sys.executable}" "$@"',
        "some-command": f'cat "{folder / "text"}"',
    }
    (folder / "bin").mkdir()
    for name, script in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    for name in ("examples", "benchmarks", "deploy", "streamer", "tests", "w2v_online"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "text").write_text(lower)
    (folder / "corpus.txt.xz").write_bytes(lzma.compress(text.encode()))
    (folder / "corpus.txt.gz").write_bytes(gzip.compress(lower.encode()))
    (folder / "app.log").write_text(lower)
    (folder / "usual.log").write_text(lower)
    (folder / "new.log").write_text(lower)
    (folder / "logs").mkdir()
    (folder / "logs" / "app.log").write_text(lower)
    (folder / "wordsim353.tsv").write_text(_SIMILARITY)
    (folder / "questions-words.txt").write_text(_ANALOGIES)
    for _ in range(2):
        run("some-command | w2v-stream run --snapshot-dir vectors", folder)
    run("w2v-stream export vectors --format word2vec-binary --output vectors.bin", folder)


def run(text: str, folder: Path, **variables: str) -> str:
    """Run a command in a furnished folder and return what it printed."""
    return run_in(environment_of(folder) | variables, text, folder)


def run_in(environment: dict[str, str], text: str, folder: Path) -> str:
    """Run a command and return what it printed; AssertionError unless it ends with 0.

    One that has no end by itself is told to stop once it has begun.
    """
    log = folder / ".messages"
    with log.open("wb") as messages:
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", text],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=messages, stderr=messages, start_new_session=True,
        )  # fmt: skip
    try:
        for begun in [said for pattern, said in _ENDLESS.items() if pattern.search(text)]:
            wait_until(lambda begun=begun: process.poll() is not None or begun in log.read_text())
            process.send_signal(signal.SIGTERM)
        code = process.wait(180)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert code == 0, f"{text}\n{log.read_text()}"
    return log.read_text()
