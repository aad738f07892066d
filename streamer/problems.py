"""Why a daemon is not ready: one catalogue for /readyz, the page, metrics and the documentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A reason why a daemon is not ready."""

    name: str
    """Stable; a label in metrics."""
    text: str
    """What is wrong, in a sentence."""
    advice: str
    """What to do about it."""


LOADING = Problem(
    "loading",
    "Kernels, tokenizer and model are being loaded.",
    "Wait. Compiling takes ten seconds and more after an installation; w2v-stream warmup does it "
    "ahead.",
)
STOPPING = Problem(
    "stopping",
    "The daemon is stopping.",
    "Wait: it writes the last snapshot.",
)
STUCK = Problem(
    "stuck",
    "The loop that reads and learns hangs.",
    "Look at the log and restart the daemon: it resumes from the last snapshot.",
)
SOURCE_DISCONNECTED = Problem(
    "source_disconnected",
    "The source is not connected.",
    "Check the broker's address, the credentials and the network; the log says what failed. "
    "Learning continues by itself once the source is back.",
)
SOURCE_STALLED = Problem(
    "source_stalled",
    "The source reads nothing although there is something to read.",
    "Look for kafka_reads_nothing in the log: it tells the topics, the group and the cause. The "
    "daemon joins the group again and then reconnects by itself; if that does not help, look at "
    "the brokers and the other members of the group.",
)
SNAPSHOTS_LATE = Problem(
    "snapshots_late",
    "No recent snapshot.",
    "Look for snapshot_failed in the log: the disk may be full or read-only. A crash would lose "
    "what was learned since the last snapshot.",
)
NO_SNAPSHOT = Problem(
    "no_snapshot",
    "There is no snapshot yet.",
    "Give serve the --snapshot-dir of a daemon, or wait for its first snapshot.",
)

PROBLEMS = (
    LOADING,
    STOPPING,
    STUCK,
    SOURCE_DISCONNECTED,
    SOURCE_STALLED,
    SNAPSHOTS_LATE,
    NO_SNAPSHOT,
)
"""All of them."""
