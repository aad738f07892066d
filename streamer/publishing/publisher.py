"""Brings a store up to a snapshot: what is new, gone, or moved since it was last sent.

At the end the store holds every word of the snapshot that it can hold, nothing else, and each
vector within the threshold of the model's; after a crash at any moment the next run makes it so.
A store that has lost everything is sent everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from streamer.publishing.ledger import Ledger
from streamer.publishing.store import BATCH_WORDS, Store
from w2v_online.reading.codes import BLOCK_ROWS
from w2v_online.reading.table import VectorTable

THRESHOLD = 0.999
"""Cosine with the vector that was sent below which a word is sent again. On a mature model and a
snapshot each million words it sends a fifth of the words, and 95 of 100 nearest neighbours in the
store are the model's; 0.99 sends a tenth for 85 of 100."""


@dataclass(frozen=True)
class Sent:
    """What was done for one snapshot."""

    upserted: int
    deleted: int
    left_out: int
    """Words that the store cannot hold."""
    sent_bytes: int


def publish(
    table: VectorTable,
    snapshot: str,
    store: Store,
    ledger: Ledger,
    threshold: float = THRESHOLD,
    *,
    tell_lost: Callable[[int], None] = lambda _: None,
) -> Sent:
    """Bring a store up to a table.

    StoreError or StateError; then the ledger knows what to send next time. ConfigurationError if
    the store was sent vectors of another size. ``tell_lost`` is told how many words the store was
    sent if it holds none of them any more.
    """
    ledger.check_size(table.vector_size)
    if ledger.words and store.is_empty():
        tell_lost(len(ledger.words))
        ledger.forget()
    rows = np.array([r for r, word in enumerate(table.words) if store.holds(word)], np.int64)
    all_words = list(table.words)
    words = [all_words[row] for row in rows.tolist()]
    unsure = ledger.pending if ledger.is_known else store.words()
    sent_rows = np.fromiter(map(ledger.rows.get, words, repeat(-1)), np.int64, len(words))
    is_due = sent_rows < 0
    is_due[~is_due] = _has_moved(
        table, rows[~is_due], ledger.vectors, sent_rows[~is_due], threshold
    )
    if unsure:
        is_due |= np.fromiter((word in unsure for word in words), np.bool_, len(words))
    present = set(words)
    gone = sorted((unsure | ledger.rows.keys()) - present)
    due = np.flatnonzero(is_due)
    ledger.begin([*(words[i] for i in due.tolist()), *gone])
    sent_bytes = 0
    store.prepare(len(due), len(words))
    for first in range(0, len(due), BATCH_WORDS):
        part = due[first : first + BATCH_WORDS]
        chosen = rows[part]
        batch = [words[i] for i in part.tolist()]
        sent_bytes += store.upsert(batch, table.take(chosen), table.counts[chosen])
    for first in range(0, len(gone), BATCH_WORDS):
        store.delete(gone[first : first + BATCH_WORDS])
    store.finish()
    vectors = np.empty((len(words), table.vector_size), np.float32)
    vectors[~is_due] = ledger.vectors[sent_rows[~is_due]]
    vectors[is_due] = table.take(rows[is_due])
    if len(due) or gone or ledger.snapshot != snapshot or not ledger.names_store:
        ledger.commit(words, vectors, snapshot)
    return Sent(len(due), len(gone), len(table) - len(words), sent_bytes)


def _has_moved(
    table: VectorTable,
    rows: NDArray[np.int64],
    sent: NDArray[np.float32],
    sent_rows: NDArray[np.int64],
    threshold: float,
) -> NDArray[np.bool_]:
    """bool[n]: whether vectors have a cosine below the threshold with what was sent."""
    moved = np.zeros(len(rows), np.bool_)
    for first in range(0, len(rows), BLOCK_ROWS):
        part = slice(first, first + BLOCK_ROWS)
        now, before = table.take(rows[part]), sent[sent_rows[part]]
        norms = np.linalg.norm(now, axis=1) * np.linalg.norm(before, axis=1)
        cosines = np.einsum("ij,ij->i", now, before) / np.where(norms > 0, norms, 1)
        moved[part] = (cosines < threshold) & (now != before).any(axis=1)
    return moved
