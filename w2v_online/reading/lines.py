"""Lines of text to tokens and vectors, exactly as the text of a snapshot's model was prepared.

What does the work is imported when it is first asked for: reading vectors needs neither kernels
nor tokenizers. Safe in threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.reading.table import VectorTable
from w2v_online.separators import split_tokens
from w2v_online.snapshots import reader

if TYPE_CHECKING:
    from streamer.text.saved import SavedText
    from w2v_online.kernels.lines import IndexedWords
    from w2v_online.lines.embedder import EmbeddedLines

WEIGHT = 1e-3
"""Of smooth inverse frequency: the share of all words at which a word weighs half."""

_BLOCK_LINES = 8192
_BLOCK_BYTES = 1 << 20
"""Lines that are worked on at once: whichever is reached first."""


class Lines:
    """Splits and embeds lines by one snapshot.

    Parameters
    ----------
    path, manifest, table
        The snapshot's, or a file's with an empty manifest: then white space splits.
    options
        Keywords of :func:`streamer.text.saved.open_text`.

    """

    def __init__(
        self, path: Path, manifest: Mapping[str, Any], table: VectorTable, **options: Any
    ) -> None:
        self._path = path
        self._manifest = manifest
        self._table = table
        self._options = options
        self._weights: tuple[float, NDArray[np.float32]] | None = None

    @cached_property
    def text(self) -> SavedText:
        """What splits lines. ConfigurationError (a W2VError) if that cannot be had."""
        from streamer.text.saved import open_text

        state: Mapping[str, NDArray[Any]] = {}
        if " phrases/" in str(self._manifest.get("tokenizer", "")):
            state = _text_state(self._path)
        return open_text(self._manifest, state, **self._options)

    @cached_property
    def _index(self) -> IndexedWords:
        from w2v_online.kernels.lines import IndexedWords
        from w2v_online.lines.embedder import index_of

        index = self._table.index
        return index_of(self._table.words) if index is None else IndexedWords(*index.arrays())

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, known or not, in order."""
        split = self.text.split([_encoded(text)])
        found = split_tokens(bytes(split.tokens), separated=split.is_separated)
        return [token.decode() for token in found]

    def embed(self, lines: list[bytes], weight: float = WEIGHT) -> EmbeddedLines:
        """Vectors of lines, all at once."""
        from w2v_online.lines.embedder import embed

        split = self.text.split(lines)
        return embed(
            split.tokens,
            split.is_separated,
            split.lines,
            len(lines),
            self._index,
            self._weighted(weight),
            self._table.vectors,
            None if self._table.infer is None else self._infer_unknown,
        )

    def _infer_unknown(self, token: str) -> NDArray[np.float32]:
        """A vector for a token without one; zeros for one that has its own."""
        infer = self._table.infer
        if infer is None or self._table.find(token) >= 0:
            return np.zeros(self._table.vector_size, np.float32)
        return infer(token)

    def embed_blocks(
        self, lines: Iterable[str | bytes], weight: float = WEIGHT
    ) -> Iterator[EmbeddedLines]:
        """:meth:`embed` of any number of lines, some thousands at a time."""
        block: list[bytes] = []
        size = 0
        for line in lines:
            encoded = _encoded(line)
            block.append(encoded)
            size += len(encoded)
            if len(block) == _BLOCK_LINES or size >= _BLOCK_BYTES:
                yield self.embed(block, weight)
                block, size = [], 0
        if block:
            yield self.embed(block, weight)

    def _weighted(self, weight: float) -> NDArray[np.float32]:
        if not self._table.has_counts:
            warn_of_no_counts(self._table)
        if self._weights is None or self._weights[0] != weight:
            self._weights = weight, self._table.weights(weight)
        return self._weights[1]


def warn_of_no_counts(table: VectorTable) -> None:
    """Say that all words weigh the same; Python shows a warning once from each place."""
    warnings.warn(
        f"{table.name} has no counts of its words: in a text all of them weigh the same",
        stacklevel=3,
    )


def _encoded(line: str | bytes) -> bytes:
    return line.encode(errors="replace") if isinstance(line, str) else line


def _text_state(path: Path) -> dict[str, NDArray[Any]]:
    """What phrases are joined by; of vectors alone that of the newest whole snapshot beside."""
    opened = reader.read(path)
    whole = opened if opened.has_output else reader.newest_whole(path.parent)
    if whole is None:
        raise SnapshotError(
            f"{path} holds vectors only, and no snapshot beside it has the phrases of its text"
        )
    prefix = "text_"
    return {
        name.removeprefix(prefix): array
        for name, array in whole.state.items()
        if name.startswith(prefix)
    }
