"""Qdrant: a collection of points with the payload word and count.

``qdrant+http://HOST:PORT/COLLECTION``. A point's id is made from its word, so that the same word is
always the same point. An API key is taken from ``QDRANT_API_KEY``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

from streamer.errors import ConfigurationError
from streamer.publishing.store import Access, StoreError

_NAMESPACE = uuid.UUID("8a2f5c1e-6a0d-5f0e-9a53-3c1c1b0f7d11")
_PAGE = 10_000
_REQUEST_NUMBERS = 400_000
"""In the vectors of one request: 9 MB of JSON, of which Qdrant takes 32 MiB."""


class QdrantStore:
    """See the module; ``client`` may be one that is open already."""

    def __init__(
        self,
        url: SplitResult,
        vector_size: int,
        _access: Access,
        client: QdrantClient | None = None,
    ) -> None:
        self._name = url.path.strip("/")
        if not self._name:
            raise ConfigurationError("--to qdrant+http://HOST:PORT/COLLECTION names no collection")
        address = f"{url.scheme.removeprefix('qdrant+')}://{url.netloc}"
        try:
            self._client = client or QdrantClient(
                url=address, api_key=os.environ.get("QDRANT_API_KEY"), timeout=60
            )
        except ValueError as error:
            raise ConfigurationError(f"--to {url.scheme}://{url.netloc}: {error}") from error
        size = models.VectorParams(size=vector_size, distance=models.Distance.COSINE)
        try:
            if not self._client.collection_exists(self._name):
                self._client.create_collection(self._name, vectors_config=size)
        except Exception as error:
            raise StoreError(f"qdrant: {error}") from error

    def holds(self, word: str) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        return True

    def words(self) -> set[str]:
        """See :class:`streamer.publishing.store.Store`."""
        found: set[str] = set()
        offset: Any = None
        try:
            while True:
                points, offset = self._client.scroll(
                    self._name, limit=_PAGE, offset=offset, with_payload=["word"]
                )
                found.update(str((point.payload or {})["word"]) for point in points)
                if offset is None:
                    return found
        except Exception as error:
            raise StoreError(f"qdrant: {error}") from error

    def is_empty(self) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            points, _ = self._client.scroll(self._name, limit=1, with_payload=False)
        except Exception as error:
            raise StoreError(f"qdrant: {error}") from error
        return not points

    def prepare(self, upserts: int, words: int) -> None:
        """Nothing to prepare."""

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """See :class:`streamer.publishing.store.Store`."""
        points = [
            models.PointStruct(id=_id(word), vector=vector, payload={"word": word, "count": count})
            for word, vector, count in zip(words, vectors.tolist(), counts.tolist(), strict=True)
        ]
        try:
            size = max(1, _REQUEST_NUMBERS // vectors.shape[1])
            for first in range(0, len(points), size):
                self._client.upsert(self._name, points[first : first + size], wait=True)
        except Exception as error:
            raise StoreError(f"qdrant: {error}") from error
        return int(vectors.nbytes) + sum(map(len, words))

    def delete(self, words: Sequence[str]) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            self._client.delete(
                self._name, models.PointIdsList(points=[_id(word) for word in words]), wait=True
            )
        except Exception as error:
            raise StoreError(f"qdrant: {error}") from error

    def finish(self) -> None:
        """Nothing waits: every call has returned when it is stored."""

    def close(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        self._client.close()


def _id(word: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, word))
