"""What a source is: something that hands over records with the position behind them.

A position goes round: out with a batch, into a checkpoint together with what was learned of the
batch, back to the source by ``commit`` when that checkpoint is on disk, and to the next process's
source, which is made with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from streamer.catalog import Event, Family
from streamer.finding import Finding
from streamer.sources.settings import SourceSettings
from streamer.text.batch import Batch
from streamer.text.decode import DeadLetters
from streamer.text.records import RecordSplitter


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


@dataclass(frozen=True)
class Opening:
    """What a source is opened with, beside its settings."""

    position: dict[str, Any]
    """That of the checkpoint, ``{}`` without one."""
    log: Any
    make_splitter: Callable[[], RecordSplitter]
    """Makes what cuts bytes into records; each file or stream needs one of its own."""
    wake: int | None = None
    """A descriptor that becomes readable when a signal arrives."""
    share: Share | None = None
    """Of what the settings name, only this is read, if it is given."""


S = TypeVar("S", bound=SourceSettings)


class SourceKind(ABC, Generic[S]):
    """What is known of a source before it is opened; :mod:`streamer.sources.registry` lists all.

    Its settings are fields of ``settings``. Clients are imported where they are needed: every
    command imports the kinds.
    """

    settings: type[SourceSettings] = SourceSettings
    """Declares its options."""
    noun: ClassVar[str]
    """What it reads, in the plural."""
    given_by: ClassVar[str] = ""
    """How it is chosen without ``--source``."""
    has_lines: ClassVar[bool] = True
    """Whether records are lines of text, of which several can make one."""
    events: ClassVar[tuple[Event, ...]] = ()
    """What it logs."""
    figures: ClassVar[tuple[Family, ...]] = ()
    """What :meth:`Source.figures` holds."""

    # --- the choice of a source: values as they were given, by name ---

    def is_named(self, values: Mapping[str, Any]) -> bool:
        """Whether values name something that this source reads."""
        return False

    def is_hinted(self, values: Mapping[str, Any]) -> bool:
        """Whether values are of use to this source only, where they name nothing to read."""
        return False

    def completed(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values of a run for which this source was chosen."""
        return values

    # --- questions before a start ---

    @abstractmethod
    def title(self, settings: S) -> str:
        """Where text comes from, for people."""

    def endless(self, settings: S) -> str:
        """Why more may come when nothing is there to read; empty if the input ends."""
        return ""

    def reads(self, settings: S, target: str) -> bool:
        """Whether it would read what is sent to ``target``, a value of ``--alerts``."""
        return False

    def is_typed(self) -> bool:
        """Whether somebody types the text at the terminal that the log is shown on."""
        return False

    def findings(self, settings: S, log: Any) -> Iterator[Finding]:
        """What ``validate`` finds. Raises ConfigurationError."""
        return iter(())

    def connections(self, settings: S) -> dict[str, dict[str, Any]]:
        """Settings of its client by service, which others in this process may connect with.

        Raises ConfigurationError if they are wrong.
        """
        return {}

    def refuse(self, settings: S) -> None:
        """Raise ConfigurationError if there is nothing to read, before anything is made for a run.

        Called where nothing was learned yet; for what can be seen at once, on this machine.
        """

    # --- at a start ---

    @abstractmethod
    def open(self, settings: S, opening: Opening) -> Source:
        """A source that begins at the opening's position. Raises ConfigurationError."""

    def open_dead_letters(
        self, settings: S, is_stopping: Callable[[], bool], log: Any
    ) -> StoredLetters | None:
        """Where records go that cannot be decoded, if they are stored."""
        return None
