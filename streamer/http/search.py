"""The threads that answer questions, one at a time each, so that training keeps the other cores.

Questions about single words have one, views of many words the other: who opens a map keeps nobody
waiting who asks for a word. A question that finds too many before it is turned away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import orjson
from starlette.exceptions import HTTPException
from threadpoolctl import threadpool_limits

from streamer.http.archive import Archive
from streamer.http.atlas import Atlas
from streamer.http.question import Kept, Question
from streamer.http.scorer import KeptScorer
from w2v_online.errors import SnapshotError
from w2v_online.reading.vectors import WordVectors

T = TypeVar("T")

MAX_WAITING = 64
"""Questions that may wait; with milliseconds for a search the last one waits under a second."""

MAX_WAITING_VIEWS = 8
"""Views that may wait: one can take a second."""

MAX_REMEMBERED_BYTES = 16 << 20
"""Of answers, in each line, that are kept for the next one who asks the same."""


class Search:
    """Answers from the newest complete snapshot of an archive, and from earlier ones."""

    def __init__(self, archive: Archive, training_threads: int = 0) -> None:
        self._archive = archive
        self._atlas = Atlas(archive, training_threads)
        self._scorer = KeptScorer(archive.folder)
        self._queries = _Line("http-search", MAX_WAITING)
        self._views = _Line("http-views", MAX_WAITING_VIEWS)
        self._maps = _Line("http-map", MAX_WAITING_VIEWS)

    async def ask(self, question: Question, is_gone: Callable[[], Awaitable[bool]]) -> bytes:
        """The answer with the snapshot's name, as JSON.

        HTTPException 503 if there is no snapshot, or too many questions wait; nothing is looked for
        if, when its turn has come, whoever asked ``is_gone``.
        """
        line = self._views if question.is_view else self._queries
        line = self._maps if question.is_map else line
        return await line.call(self._answer, question, line.memory, is_gone=is_gone)

    async def prepare(self) -> None:
        """Load the newest snapshot now, so that no question waits for that."""
        try:
            await self._queries.call(partial(self._archive.newest, at_once=True))
        except (HTTPException, SnapshotError):
            pass  # who asks next is told

    def _answer(self, question: Question, memory: _Memory) -> bytes:
        try:
            vectors = self._archive.newest()
            if not question.is_lasting:
                return self._find(question, vectors)
            return memory.recall(
                vectors.path.name,
                f"{type(question).__name__} {question.model_dump_json()}",
                lambda: self._find(question, vectors),
            )
        except SnapshotError as error:
            raise HTTPException(503, str(error), {"Retry-After": "10"}) from error

    def _find(self, question: Question, vectors: WordVectors) -> bytes:
        answer = question.answer(Kept(vectors, self._archive, self._atlas, self._scorer))
        return orjson.dumps(
            {"snapshot": vectors.path.name, **answer},
            option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE,
        )

    def close(self) -> None:
        """End the threads, and the map that is being drawn."""
        self._atlas.close()
        self._queries.close()
        self._views.close()
        self._maps.close()
        self._scorer.close()


class _Memory:
    """Answers about one snapshot, those asked for last; used by one thread."""

    def __init__(self) -> None:
        self._snapshot = ""
        self._answers: dict[str, bytes] = {}
        self._bytes = 0

    def recall(self, snapshot: str, question: str, find: Callable[[], bytes]) -> bytes:
        """The answer as it was found before, or else as it is found now."""
        if snapshot != self._snapshot:
            self._snapshot, self._answers, self._bytes = snapshot, {}, 0
        answer = self._answers.pop(question, None)
        if answer is None:
            answer = find()
            self._bytes += len(question) + len(answer)
        self._answers[question] = answer  # at the end: the first one goes first
        while self._bytes > MAX_REMEMBERED_BYTES:
            oldest = next(iter(self._answers))
            self._bytes -= len(oldest) + len(self._answers.pop(oldest))
        return answer


class _Line:
    """One thread, those who wait for it, and what it remembers."""

    def __init__(self, name: str, most: int) -> None:
        # The linear algebra's own threads would take cores from training.
        self._thread = ThreadPoolExecutor(1, name, initializer=threadpool_limits, initargs=(1,))
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._most = most
        self.memory = _Memory()

    async def call(
        self,
        function: Callable[..., T],
        *args: Any,
        is_gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> T:
        if self._waiting >= self._most:
            raise HTTPException(503, "too many questions at once", {"Retry-After": "1"})
        self._waiting += 1
        try:
            async with self._turn:
                if is_gone is not None and await is_gone():
                    raise HTTPException(503, "nobody waits for the answer any more")
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, function, *args)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
