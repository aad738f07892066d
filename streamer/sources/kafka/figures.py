"""What a collector of metrics may read of the Kafka source at any time."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.sources.kafka.positions import Offsets


@dataclass
class Figures:
    """Totals since the start, and in ``ends`` the offsets behind the last message, by partition."""

    messages: int = 0
    bytes: int = 0
    errors: int = 0
    rebalances: int = 0
    lost_messages: int = 0
    stalls: int = 0
    polls: int = 0
    poll_seconds: float = 0.0
    commits: int = 0
    commit_seconds: float = 0.0
    ends: Offsets = field(default_factory=dict)
