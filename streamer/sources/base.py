"""What a source is: something that hands over records with the position behind them.

A position goes round: out with a batch, into a checkpoint together with what was learned of the
batch, back to the source by ``commit`` when that checkpoint is on disk, and to the next process's
source, which is made with it.
"""

from __future__ import annotations

from typing import Any, Protocol

from streamer.text.batch import Batch


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
