"""The parts of a running daemon, for monitoring, which reads figures and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.alerts.alerts import Alerts
    from streamer.alerts.watching import Watching
    from streamer.checkpoints.annealer import Annealer
    from streamer.checkpoints.checkpointer import Checkpointer
    from streamer.config.settings import RunSettings
    from streamer.sources.base import Source
    from streamer.telemetry.counters import Counters
    from streamer.text.decode import Decoder
    from streamer.text.groups import Grouper
    from streamer.tokenizers.base import Tokenizer
    from w2v_online.learning.learner import OnlineWord2Vec


@dataclass(frozen=True)
class Parts:
    """What one daemon is made of."""

    settings: RunSettings
    counters: Counters
    learner: OnlineWord2Vec
    checkpointer: Checkpointer
    decoder: Decoder
    tokenizer: Tokenizer
    source: Source
    annealer: Annealer | None = None
    watching: Watching | None = None
    grouper: Grouper | None = None
    _invalid_before: int = field(init=False)

    def __post_init__(self) -> None:
        """Invalid records of earlier processes are the model's, not this one's."""
        object.__setattr__(self, "_invalid_before", self.decoder.invalid_records)

    @property
    def invalid_records(self) -> int:
        """Records that this process could not decode."""
        return self.decoder.invalid_records - self._invalid_before

    # What :class:`streamer.telemetry.observer.Observed` asks for.

    @property
    def bad_records(self) -> int:
        """Records that this process could not decode or split."""
        return self.invalid_records + self.tokenizer.failed_records

    @property
    def total_words(self) -> int:
        """Words that the model has learned, by all processes."""
        return self.learner.total_words

    @property
    def vocabulary(self) -> int:
        """Words that have a vector."""
        return len(self.learner.vocabulary)

    @property
    def vocabulary_limit(self) -> int:
        """Maximum number of words that have a vector."""
        return self.learner.config.max_vocab_size

    @property
    def is_connected(self) -> bool:
        """Whether the source is connected."""
        return self.source.is_connected

    @property
    def is_stalled(self) -> bool:
        """Whether the source reads nothing although there is something to read."""
        return self.source.is_stalled

    @property
    def alerts(self) -> Alerts | None:
        """What tells of unexpected records, None without --alerts."""
        return None if self.watching is None else self.watching.alerts

    def figures(self) -> dict[str, float]:
        """The source's figures."""
        return self.source.figures()

    def snapshot_age_seconds(self) -> float | None:
        """Seconds since this process wrote the last snapshot."""
        return self.checkpointer.age_seconds()

    def snapshot_due_seconds(self) -> float | None:
        """Seconds until the next snapshot is due; None if that depends on words."""
        return self.checkpointer.due_seconds()

    @property
    def snapshot_failures(self) -> int:
        """Snapshots that could not be written."""
        return self.checkpointer.written.failures
