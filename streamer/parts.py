"""The parts of a running daemon, for those who look on; they read figures and change nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.checkpoint import Checkpointer
    from streamer.counters import Counters
    from streamer.decode import Decoder
    from streamer.settings import RunSettings
    from streamer.sources.base import Source
    from streamer.tokenizers.base import Tokenizer
    from w2v_online.learner import OnlineWord2Vec


@dataclass(frozen=True)
class Parts:
    """What one daemon is made of, once all of it is there."""

    settings: RunSettings
    counters: Counters
    learner: OnlineWord2Vec
    checkpointer: Checkpointer
    decoder: Decoder
    tokenizer: Tokenizer
    source: Source
    _invalid_before: int = field(init=False)

    def __post_init__(self) -> None:
        """Invalid records of earlier processes are the model's, not this one's."""
        object.__setattr__(self, "_invalid_before", self.decoder.invalid_records)

    @property
    def invalid_records(self) -> int:
        """Records that this process could not decode."""
        return self.decoder.invalid_records - self._invalid_before
