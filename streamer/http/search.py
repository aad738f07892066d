"""The threads that answer questions, one at a time each, so that training keeps the other cores.

Questions about single words have one, views of many words the other: who opens a map keeps nobody
waiting who asks for a word. A question that finds too many before it is turned away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from threadpoolctl import threadpool_limits

from streamer.http.archive import Archive
from streamer.http.atlas import Atlas
from streamer.http.question import Kept, Question
from w2v_online.errors import SnapshotError
from w2v_online.vectors import WordVectors

T = TypeVar("T")

MAX_WAITING = 64
"""Questions that may wait; with milliseconds for a search the last one waits under a second."""

MAX_WAITING_VIEWS = 8
"""Views that may wait: one can take a second."""

MAX_REMEMBERED = 32
"""Answers to views that are kept for the next one who looks."""


class Search:
    """Answers from the newest complete snapshot of an archive, and from earlier ones."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._atlas = Atlas(archive)
        self._remembered: dict[str, dict[str, Any]] = {}
        self._remembered_of = ""
        self._queries = _Line("http-search", MAX_WAITING)
        self._views = _Line("http-views", MAX_WAITING_VIEWS)

    async def ask(self, question: Question) -> dict[str, Any]:
        """The answer with the snapshot's name; HTTPException 503 if there is none, or too busy."""
        line = self._views if question.is_view else self._queries
        return await line.call(self._answer, question)

    async def prepare(self) -> None:
        """Load the newest snapshot now, so that no question waits for that."""
        try:
            await self._queries.call(self._archive.newest, at_once=True)
        except (HTTPException, SnapshotError):
            pass  # who asks next is told

    def _answer(self, question: Question) -> dict[str, Any]:
        try:
            vectors = self._archive.newest()
            find = self._recall if question.is_view else self._find
            return {"snapshot": vectors.path.name, **find(question, vectors)}
        except SnapshotError as error:
            raise HTTPException(503, str(error), {"Retry-After": "10"}) from error

    def _find(self, question: Question, vectors: WordVectors) -> dict[str, Any]:
        return question.answer(Kept(vectors, self._archive, self._atlas))

    def _recall(self, question: Question, vectors: WordVectors) -> dict[str, Any]:
        """The answer to a view, as it was found before if nothing has changed since."""
        if self._remembered_of != vectors.path.name:
            self._remembered, self._remembered_of = {}, vectors.path.name
        key = f"{type(question).__name__} {question.model_dump_json()}"
        if key not in self._remembered:
            answer = self._find(question, vectors)
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = answer
        return self._remembered[key]

    def close(self) -> None:
        """End the threads."""
        self._queries.close()
        self._views.close()


class _Line:
    """One thread and those who wait for it."""

    def __init__(self, name: str, most: int) -> None:
        # The linear algebra's own threads would take cores from training.
        self._thread = ThreadPoolExecutor(1, name, initializer=threadpool_limits, initargs=(1,))
        self._waiting = 0
        self._most = most

    async def call(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        if self._waiting >= self._most:
            raise HTTPException(503, "too many questions at once", {"Retry-After": "1"})
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(function, *args, **options))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
