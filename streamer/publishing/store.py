"""What a store is: somewhere else that holds a vector for each word.

A store is one file of this folder and one line in :data:`STORES`. All it does may be done twice:
after a crash the same words are sent, or deleted, again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.sources.kafka.settings import KafkaSettings
from streamer.telemetry.log import LogLevel, make_log
from w2v_online.errors import W2VError


@dataclass(frozen=True)
class Access:
    """What a store is reached with besides its URL."""

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    """TLS and SASL, as for the source."""
    log: Any = field(default_factory=lambda: make_log("text", LogLevel("info")))


BATCH_WORDS = 2_000
"""Words that are sent at once."""


class StoreError(W2VError):
    """A store cannot be reached or refuses what is sent; it is tried again when one follows."""


class Store(Protocol):
    """Holds words with their vectors. Every method raises StoreError."""

    def holds(self, word: str) -> bool:
        """Whether it can hold this word; others are left out."""

    def words(self) -> set[str]:
        """Every word that it holds now."""

    def is_empty(self) -> bool:
        """Whether it holds nothing now, as a table does that was lost and made again."""

    def prepare(self, upserts: int, words: int) -> None:
        """So many of the words that it will hold are about to be sent."""

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """Insert or replace words, float32[n, D]; returns the bytes that were sent, roughly."""

    def delete(self, words: Sequence[str]) -> None:
        """Remove words; those that are not there are no error."""

    def finish(self) -> None:
        """Return when all that was sent is stored for good."""

    def close(self) -> None:
        """Let go of connections."""


STORES = {
    "kafka": "kafka:KafkaStore",
    "postgresql": "postgresql:PostgresqlStore",
    "postgres": "postgresql:PostgresqlStore",
    "qdrant+http": "qdrant:QdrantStore",
    "qdrant+https": "qdrant:QdrantStore",
    "lancedb": "lancedb:LancedbStore",
}
"""What opens a store, by its URL's scheme: a class that takes URL, vectors' size and access."""


_PASSWORDS = re.compile(
    r"(://[^/:]*:)(?:[^?]*|[^/]*|(?!\d*[/?,]).*)(?=@)|([?&](?:ssl)?password=)[^&]*"
)
"""Before the host, also with signs that should be written as %XX, and among the parameters."""


def open_store(url: str, vector_size: int, access: Access | None = None) -> Store:
    """The store at a URL; ConfigurationError if there is no such kind, or it cannot be imported."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"--to {without_password(url)}: {error}") from error
    if parts.scheme not in STORES:
        raise ConfigurationError(
            f"--to: {parts.scheme or url}:// is not a store; use one of "
            f"{', '.join(f'{scheme}://' for scheme in STORES)}"
        )
    module, _, name = STORES[parts.scheme].partition(":")
    try:
        make: Callable[[SplitResult, int, Access], Store] = getattr(
            import_module(f"streamer.publishing.{module}"), name
        )
    except ImportError as error:
        raise ConfigurationError(
            f"--to {parts.scheme}:// needs {error.name}: pip install 'w2v-stream[publish]'"
        ) from error
    return make(parts, vector_size, access or Access())


def without_password(url: str) -> str:
    """A URL that may be shown and logged."""
    return _PASSWORDS.sub(lambda found: f"{found[1] or found[2]}***", url)


def target_of(url: str) -> str:
    """What a URL names, whatever folder it is typed in, without password."""
    try:
        parts = urlsplit(url)
        folder = parts.netloc + parts.path
        if parts.scheme != "lancedb" or "://" in folder:
            return without_password(url)
        path = Path(folder).expanduser().resolve()
    except (ValueError, RuntimeError):  # opening it says why
        return without_password(url)
    return f"lancedb://{path}" + (f"?{parts.query}" if parts.query else "")
