"""Phrases: words that often come together become one token, ``new_york``, on top of a tokenizer.

Two levels: the second joins the results of the first, so phrases have up to four words. The counts
have bounded memory and are part of a checkpoint, like the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.tokenizers.base import Tokenizer, identity_of
from streamer.tokenizers.kernels.collocations import join, new_counts
from w2v_online.errors import SnapshotError
from w2v_online.learning.vocabulary import SEPARATED, WHITESPACE, padded_text
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR

WORD_BITS = 20
PAIR_BITS = 20
LEVELS = 2
VERSION = "1"
_SEPARATORS = TOKEN_SEPARATOR + RECORD_SEPARATOR


class PhraseTokenizer:
    """Joins the tokens of another tokenizer.

    Two words make a phrase where (count(a b) - ``min_count``) N / (count(a) count(b)) exceeds
    ``threshold``, N the words so far. Unless it ``learns``, counts stay as they were restored.
    ASCII's separators are removed from words.
    """

    is_separated = True

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        threshold: float,
        min_count: int,
        max_token_bytes: int,
        learns: bool = True,
    ) -> None:
        self._tokenizer = tokenizer
        self._learns = learns
        self._limits = float(min_count), float(threshold), max_token_bytes
        self._levels = [new_counts(WORD_BITS, PAIR_BITS) for _ in range(LEVELS)]
        self.identity = f"{tokenizer.identity} " + identity_of(
            "phrases", VERSION, threshold=threshold, min_count=min_count
        )
        self.tokenize(b"a\n")  # compiles, or loads what was compiled
        self._levels = [new_counts(WORD_BITS, PAIR_BITS) for _ in range(LEVELS)]

    @property
    def failed_records(self) -> int:
        """See :class:`streamer.tokenizers.base.Tokenizer`."""
        return self._tokenizer.failed_records

    @property
    def max_bytes(self) -> int:
        """Memory of the counts in bytes; it does not grow."""
        return sum(array.nbytes for level in self._levels for array in level)

    def tokenize(self, text: bytes) -> bytes:
        """See :class:`streamer.tokenizers.base.Tokenizer`."""
        tokens, classes = bytes(self._tokenizer.tokenize(text)), SEPARATED
        if not self._tokenizer.is_separated:
            # The output is separated by these: a word that has one would become two, or records.
            tokens, classes = tokens.translate(None, _SEPARATORS), WHITESPACE
        for counts in self._levels:
            out = np.empty(len(tokens) + 1, np.uint8)
            size = join(
                padded_text(tokens), len(tokens), classes, counts, self._learns, *self._limits, out
            )
            tokens, classes = out[:size].tobytes(), SEPARATED
        return tokens

    def state(self) -> dict[str, NDArray[Any]]:
        """The counts by name, as views."""
        return {
            f"phrases{number}_{name}": array
            for number, level in enumerate(self._levels, 1)
            for name, array in level._asdict().items()
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a saved :meth:`state`; raises SnapshotError if it does not fit."""
        for name, array in self.state().items():
            saved = state.get(name)
            if saved is None or saved.shape != array.shape or saved.dtype != array.dtype:
                raise SnapshotError(f"the snapshot lacks or garbles state/text_{name}.npy")
            array[...] = saved
