"""The thread that answers questions: one at a time, so that training keeps the other cores.

It loads the newest snapshot when a question comes, not before. A question that finds too many
before it is turned away instead of waiting.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from threadpoolctl import threadpool_limits

from streamer.http.queries import Question
from w2v_online.errors import SnapshotError
from w2v_online.vectors import WordVectors, load_vectors

MAX_WAITING = 64
"""Questions that may wait; with milliseconds for a search the last one waits under a second."""

LOOK_SECONDS = 1.0
"""How often it is looked for a newer snapshot, at most."""


class Search:
    """Answers from the newest complete snapshot below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "http-search")
        self._waiting = 0
        self._vectors: WordVectors | None = None
        self._looked_at = 0.0

    async def ask(self, question: Question) -> dict[str, Any]:
        """The answer with the snapshot's name; HTTPException 503 if there is none, or too busy."""
        if self._waiting >= MAX_WAITING:
            raise HTTPException(503, "too many questions at once", {"Retry-After": "1"})
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._answer, question)
        finally:
            self._waiting -= 1

    def _answer(self, question: Question) -> dict[str, Any]:
        try:
            vectors = self._newest()
            return {"snapshot": vectors.path.name, **question.answer(vectors)}
        except SnapshotError as error:
            raise HTTPException(503, str(error), {"Retry-After": "10"}) from error

    def _newest(self) -> WordVectors:
        now = time.monotonic()
        if self._vectors is None:
            # The linear algebra's own threads would take cores from training.
            threadpool_limits(1)
            vectors = load_vectors(self._folder)
            vectors.table.prepare()
            self._vectors, self._looked_at = vectors, now
        elif now - self._looked_at > LOOK_SECONDS:
            self._looked_at = now
            self._vectors.refresh()
        return self._vectors

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)
