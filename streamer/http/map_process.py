"""Lays out the map in a process of its own, beside the training, which it leaves the cores to.

``python -m streamer.http.map_process`` reads a request from standard input and writes the layout
to standard output, JSON both. :func:`draw` is the side of the server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streamer.children import command_of
from streamer.http.encoding import to_json
from w2v_online.analysis.layout import Layout

_NICENESS = 10
"""Training goes first: a map is no hurry."""

_CROWDED_NICENESS = 19
"""Where training fills all cores: then the map takes 1.4% of one of them, and some minutes."""


def niceness(training_threads: int) -> int:
    """How nice a map is to so many threads of training on this machine."""
    return _NICENESS if training_threads < (os.cpu_count() or 1) else _CROWDED_NICENESS


@dataclass(frozen=True)
class Drawn:
    """A layout and the groups of words in it, as :func:`_lay_out` sends them."""

    layout: Layout
    clusters: list[dict[str, Any]]


class MapProcess:
    """Starts one process at a time, beside so many threads of training.

    ``close`` may be called in another thread.
    """

    def __init__(self, training_threads: int = 0) -> None:
        self._niceness = niceness(training_threads)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def draw(
        self, snapshot: Path, n_words: int, besides: list[str], previous: Layout | None
    ) -> Drawn:
        """The map of a snapshot. ValueError says why there is none."""
        request = {
            # A character for each byte: JSON holds no names that are no text.
            "snapshot": os.fsencode(snapshot).decode("latin-1"),
            "words": n_words,
            "niceness": self._niceness,
            "besides": besides,
            "previous": None if previous is None else document_of(previous),
        }
        answer = orjson.loads(self._run(orjson.dumps(request)))
        if "error" in answer:
            raise ValueError(answer["error"])
        return Drawn(layout_of(answer), answer["clusters"])

    def _run(self, request: bytes) -> bytes:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with self._lock:
            if self._is_closed:
                raise ValueError("the server is stopping")
            # A group of its own: Ctrl-C is for the daemon, which ends this one. But no session:
            # Linux shares the cores among sessions, whatever the niceness in each.
            process = self._process = subprocess.Popen(  # noqa: S603 this program itself
                command_of("streamer.http.map_process"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                process_group=0,
            )
        answer, errors = process.communicate(request)
        if process.returncode != 0:
            lines = errors.decode(errors="replace").strip().splitlines() or ["it was ended"]
            raise ValueError(f"the map could not be drawn: {lines[-1]}")
        return answer

    def close(self) -> None:
        """End the process that runs; no other is started."""
        with self._lock:
            self._is_closed = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()


def document_of(layout: Layout) -> dict[str, Any]:
    """A layout as JSON can say it."""
    return {"names": layout.words, "positions": layout.positions.tolist()}


def layout_of(document: dict[str, Any]) -> Layout:
    """A layout from its document."""
    return Layout(document["names"], np.array(document["positions"], np.float64).reshape(-1, 2))


def _lay_out(request: dict[str, Any]) -> dict[str, Any]:
    from w2v_online.analysis.clusters import clusters
    from w2v_online.analysis.content_words import content_words
    from w2v_online.analysis.layout import default_method, lay_out
    from w2v_online.reading.vectors import load_vectors

    table = load_vectors(os.fsdecode(request["snapshot"].encode("latin-1"))).table
    previous = request["previous"] and layout_of(request["previous"])
    words = content_words(table, request["words"])
    known = set(words)
    words += [word for word in request["besides"] if word not in known]
    laid_out = lay_out(table, words, method=default_method(), previous=previous)
    found = clusters(table, words, laid_out.positions)
    return {**document_of(laid_out), "clusters": [asdict(cluster) for cluster in found]}


def main() -> None:
    """Answer one request."""
    request = orjson.loads(sys.stdin.buffer.read())
    with suppress(OSError):  # it may not be allowed, as below systemd
        os.nice(request["niceness"])
    try:
        answer = _lay_out(request)
    except Exception as error:  # told to the server, which has the log
        answer = {"error": str(error)}
    sys.stdout.buffer.write(to_json(answer))


if __name__ == "__main__":
    main()
