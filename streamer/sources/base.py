"""What a source is: something that hands over records with the position behind them.

A position goes round: out with a batch, into a checkpoint together with what was learned of the
batch, back to the source by ``commit`` when that checkpoint is on disk, and to the next process's
source, which is made with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

from streamer.catalog import Event, Family
from streamer.config.settings import RunSettings
from streamer.text.batch import Batch
from streamer.text.decode import DeadLetters


class Source(Protocol):
    """Records in order. Called from one thread, the pipeline's, but for what is said."""

    @property
    def name(self) -> str:
        """Key of this source's position in a manifest."""

    @property
    def position(self) -> dict[str, Any]:
        """The next record to read, as JSON can hold it."""

    @property
    def is_connected(self) -> bool:
        """Whether records could arrive now; may be asked from another thread."""

    @property
    def is_stalled(self) -> bool:
        """Whether nothing has been read for a while although there is something to read.

        May be asked from another thread.
        """

    def next_batch(self) -> Batch | None:
        """What has arrived, within a moment: an empty batch when nothing has, None at the end.

        Raises SourceError if it cannot go on; what was handed over so far stays valid.
        """

    def stop(self) -> Batch | None:
        """Read no more: what was read but not handed over yet, then None."""

    def figures(self) -> dict[str, float]:
        """What a person wants to see of it beside the learner's progress, by name.

        They are fields of the progress event and metrics; the source's ``reports.py`` says which
        are counters and which gauges. May be asked from another thread.
        """

    def commit(self, position: dict[str, Any]) -> None:
        """A checkpoint with this position is durable, and with it everything read before.

        Positions come in the order in which they were handed over, though not all of them.
        """

    def close(self) -> None:
        """Let go of whatever the source holds; the last ``commit`` came before."""


class LocalSource:
    """What sources on this machine have in common: nothing to connect to, nobody to tell."""

    @property
    def is_connected(self) -> bool:
        """There is no connection that could be lost."""
        return True

    @property
    def is_stalled(self) -> bool:
        """What is there is read."""
        return False

    def figures(self) -> dict[str, float]:
        """Nothing that the learner does not count."""
        return {}

    def commit(self, position: dict[str, Any]) -> None:
        """Nobody keeps a position: files are kept by others, what was read from a pipe is gone."""


class Piece(NamedTuple):
    """What one worker of a cluster can read on its own: a partition, or a log without a number."""

    name: str
    number: int = -1


Share = frozenset[Piece]
"""What one worker reads."""


class StoredLetters(DeadLetters, Protocol):
    """Dead letters with a connection to where they are stored."""

    def close(self) -> None:
        """Close the connection."""


class SourceKind(ABC):
    """What is known of a source before it is opened; :mod:`streamer.sources.registry` lists all."""

    events: ClassVar[tuple[Event, ...]] = ()
    """What it logs."""
    figures: ClassVar[tuple[Family, ...]] = ()
    """What :meth:`Source.figures` holds."""

    @abstractmethod
    def title(self, settings: RunSettings) -> str:
        """Where text comes from, for people."""

    def is_endless(self, settings: RunSettings) -> bool:
        """Whether more may come when nothing is there to read."""
        return False

    @abstractmethod
    def open(
        self,
        settings: RunSettings,
        position: dict[str, Any],
        log: Any,
        *,
        wake: int | None = None,
        share: Share | None = None,
    ) -> Source:
        """A source at the checkpoint's ``position``, ``{}`` without one.

        ``wake`` is a descriptor that becomes readable when a signal arrives. Of what the settings
        name, only ``share`` is read, if it is given. Raises ConfigurationError.
        """

    def open_dead_letters(
        self, settings: RunSettings, is_stopping: Callable[[], bool], log: Any
    ) -> StoredLetters | None:
        """Where records go that cannot be decoded, if they are stored."""
        return None
