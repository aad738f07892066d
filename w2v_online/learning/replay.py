"""Replay: the recent past of the stream, bounded, for extra passes of training.

Owns a ring of slots that hold text as rows of words. When a slot is full the next one is begun,
over the oldest one if the ring is full, and ``replay`` slots of the ring are trained at once; slots
that were trained less often are preferred. So each text is trained about ``replay`` more times
before it is overwritten, subsampled differently each time. When is decided by the sentences alone,
however they were batched. Rows that were reassigned since are left out. Knows nothing of how
anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import SLOT_IDS, LearnerConfig
from w2v_online.kernels.replay import (
    append_sentences,
    choose_slots,
    move_row,
    read_sentences,
    subsample,
)
from w2v_online.learning.encoded import Encoded


class Replay:
    """A ring of slots, numbered in the order in which they were begun."""

    def __init__(self, config: LearnerConfig, seed_state: int) -> None:
        n_slots = config.replay_words // SLOT_IDS
        # Zero pages, taken from the system when a slot is first written to.
        self.slots = np.zeros((n_slots, SLOT_IDS), np.int32)
        """int32[n_slots, SLOT_IDS], as the kernels have it: slot n is in row n % n_slots."""
        self.used = np.zeros(n_slots, np.int32)
        """int32[n_slots]: ids in each slot."""
        self.number = 0
        """Of the slot that is being filled."""
        self.reassigned = np.zeros(config.max_vocab_size, np.uint32)
        """uint32[max_vocab_size]: 1 + ``number`` when the row was last reassigned, 0 for never."""
        self.passes = np.zeros(n_slots, np.uint16)
        """uint16[n_slots]: how often each slot was trained again."""
        self.keep_probability = np.ones(config.max_vocab_size, np.float32)
        """float32[max_vocab_size]: by row the probability that a word stays when text is
        subsampled, as of the last :meth:`set_counts`."""
        self._sample = config.sample
        self._state = np.array([seed_state], np.uint64)
        self._drawn = np.zeros(config.replay, np.int64)
        self._ids = np.zeros(SLOT_IDS, np.int32)
        self._sentence_ends = np.zeros(SLOT_IDS // 2, np.int64)
        self._read = np.zeros(2, np.int64)

    @property
    def max_bytes(self) -> int:
        """Most memory that all of it can take."""
        text = self.slots.nbytes + self.used.nbytes + self._ids.nbytes + self._sentence_ends.nbytes
        return text + self.passes.nbytes + self.keep_probability.nbytes + self.reassigned.nbytes

    @property
    def kept_words(self) -> int:
        """Words in the ring."""
        return int(self.used[: self._begun].sum())

    @property
    def _begun(self) -> int:
        """Rows of ``slots`` that hold anything."""
        return min(self.number + 1, len(self.slots))

    def set_counts(self, counts: NDArray[np.float64], total: float) -> None:
        """Subsample by these counts from now on: a word whose share of all words is f stays with
        probability sqrt(t / f) + t / f (word2vec.c), where t is ``sample``.

        ``counts`` are by row, ``total`` is that of all words in the same unit.
        """
        frequent = np.flatnonzero(counts > (self._sample * total or np.inf))
        ratios = self._sample * total / counts[frequent]
        self.keep_probability[: len(counts)] = 1.0
        self.keep_probability[frequent] = np.minimum(np.sqrt(ratios) + ratios, 1.0)

    def mix(self, encoded: Encoded) -> Iterator[Encoded]:
        """Keep fresh text; yield it in parts, and past text between them where its turn is.

        Both are subsampled. Each part must be trained, or copied, before the next is asked for;
        ``encoded`` is overwritten.
        """
        first, n_sentences = 0, len(encoded.sentence_ends)
        while first < n_sentences:
            slot = self.number % len(self.slots)
            sentence = append_sentences(
                encoded.ids,
                encoded.sentence_ends,
                first,
                self.slots[slot],
                self.used[slot : slot + 1],
            )
            if sentence > first:
                yield self._subsampled(encoded.part(first, sentence))
            first = sentence
            if first < n_sentences:
                yield from self._close()

    def _close(self) -> Iterator[Encoded]:
        """Begin the next slot; yield what is drawn from the full ones, the last one included."""
        self.number += 1
        first = max(0, self.number - len(self.slots))
        choose_slots(self._state, first, self.number, self.passes, self._drawn)
        for number in self._drawn:
            yield self._subsampled(self.read(int(number)))
        self.used[self.number % len(self.slots)] = 0
        self.passes[self.number % len(self.slots)] = 0

    def whole_passes(self, passes: int) -> Iterator[tuple[float, Encoded]]:
        """Past text, all of it ``passes`` times over, from the oldest on.

        Slots come with how much came before them, from 0 to 1. They are subsampled, and
        :attr:`passes` does not count them. Each must be trained, or copied, before the next is
        asked for.
        """
        oldest = self.number + 1 - self._begun
        for i in range(passes * self._begun):
            number = oldest + i % self._begun
            yield i / (passes * self._begun), self._subsampled(self.read(number))

    def _subsampled(self, encoded: Encoded) -> Encoded:
        """Without some of its frequent words; it is overwritten."""
        n_ids = subsample(encoded.ids, encoded.sentence_ends, self.keep_probability, self._state)
        return replace(encoded, ids=encoded.ids[:n_ids])

    def read(self, number: int) -> Encoded:
        """The text of a slot that is in the ring, whole; lasts until the next call."""
        slot = number % len(self.slots)
        read_sentences(
            self.slots[slot],
            int(self.used[slot]),
            number,
            self.reassigned,
            self._ids,
            self._sentence_ends,
            self._read,
        )
        n_ids, n_sentences = (int(n) for n in self._read)
        return Encoded(self._ids[:n_ids], self._sentence_ends[:n_sentences], is_replayed=True)

    def reset(self, rows: NDArray[np.int32]) -> None:
        """Rows belong to other words now: what is kept of them is not trained again."""
        self.reassigned[rows] = self.number + 1

    def remove(self, row: int, last: int) -> None:
        """A row's word is gone, and the word of row ``last`` took its place."""
        move_row(self.slots[: self._begun], row, last)
        for array, nothing in ((self.reassigned, 0), (self.keep_probability, 1)):
            array[row] = array[last]
            array[last] = nothing

    def warm_up(self) -> None:
        """Call every kernel; only before anything is kept."""
        empty = Encoded(np.empty(0, np.int32), np.zeros(1, np.int64))
        for _ in self.mix(empty):
            self.read(0)
        choose_slots(self._state, 0, 1, self.passes, np.empty(0, np.int64))
        move_row(self.slots[:0], 0, 0)

    def reseed(self, seed_state: int) -> None:
        """Draw other numbers from now on."""
        self._state[0] = seed_state

    def state(self, rows: int) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs, with ``rows`` in use: views until the next change."""
        return {
            "replay": self.slots[: self._begun],
            "replay_used": self.used[: self._begun],
            "replay_passes": self.passes[: self._begun],
            "replay_keep_probability": self.keep_probability[:rows],
            "replay_number": np.array([self.number], np.int64),
            "replay_generator": self._state,
            "replay_reassigned": self.reassigned[:rows],
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over a saved state, or as much of its newest text as there is room for."""
        saved = np.asarray(state["replay"])
        last = int(state["replay_number"][0])
        n_kept = min(len(saved), len(self.slots))
        first = last + 1 - n_kept
        # In a ring that has grown, numbers start again: all from 0 on are in it.
        shift = first if n_kept < len(self.slots) else 0
        self.number = last - shift
        for number in range(first, last + 1):
            slot, saved_slot = (number - shift) % len(self.slots), number % len(saved)
            self.slots[slot] = saved[saved_slot]
            self.used[slot] = state["replay_used"][saved_slot]
            self.passes[slot] = state["replay_passes"][saved_slot]
        self.keep_probability[: len(state["replay_keep_probability"])] = state[
            "replay_keep_probability"
        ]
        reassigned = np.asarray(state["replay_reassigned"], np.int64) - shift
        self.reassigned[: len(reassigned)] = np.maximum(reassigned, 0)
        self._state[:] = state["replay_generator"]
