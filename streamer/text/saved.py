"""How a snapshot's text was made tokens, made again from the snapshot: the same words come out.

Lines are taken to be what the daemon took for records: decoded, or the text in some fields of a
JSON document, in lower case if that was so, split by the same tokenizer, phrases joined.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.config.settings import RunSettings
from streamer.text.batch import Batch
from streamer.text.decode import Decoder
from streamer.text.records import RecordSplitter
from streamer.tokenizers.base import Tokenizer
from w2v_online.config import PRETOKENIZED

_NEVER_CUT = 1 << 62
"""Bytes of a line: the lines that come are in memory already."""


@dataclass(frozen=True)
class SplitLines:
    """Records of tokens, and the line that each belongs to."""

    tokens: bytes | bytearray
    is_separated: bool
    lines: NDArray[np.int64]


class SavedText:
    """Splits lines into tokens; threads may share it."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, *, each: bool) -> None:
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._each = each
        self._lock = threading.Lock()  # tokenizers have working memory

    @property
    def failed_lines(self) -> int:
        """Lines so far that could not be decoded or split; those came out empty."""
        return self._decoder.invalid_records + self._tokenizer.failed_records

    def split(self, lines: Sequence[bytes]) -> SplitLines:
        """The tokens of each line; a line feed inside one is white space."""
        with self._lock:
            text, owners = self._decode(lines)
            tokens = self._tokenizer.tokenize(text)
            return SplitLines(tokens, self._tokenizer.is_separated, owners)

    def _decode(self, lines: Sequence[bytes]) -> tuple[bytes, NDArray[np.int64]]:
        if not self._each:
            joined = b"\n".join(lines) + b"\n"
            if joined.count(b"\n") == len(lines):
                text = self._decoder.decode(Batch(joined))
                if text.count(b"\n") == len(lines):
                    return text, np.arange(len(lines))
        parts = []
        owners: list[int] = []
        for number, line in enumerate(lines):
            text = self._decoder.decode(Batch(line.replace(b"\n", b" ") + b"\n"))
            parts.append(text)
            owners += repeat(number, text.count(b"\n"))
        return b"".join(parts), np.array(owners, np.int64)


def text_entry(settings: RunSettings) -> dict[str, Any]:
    """What a manifest says of how text was prepared; :func:`open_text` does the same again."""
    entry: dict[str, Any] = {"lowercase": settings.lowercase}
    if settings.json_field:
        entry["json_field"] = list(settings.json_field)
    if settings.group_by:
        entry["group_by"] = settings.group_by
    return entry


def open_text(
    manifest: Mapping[str, Any],
    text_state: Mapping[str, NDArray[Any]],
    *,
    tokenizer: str | None = None,
    tokenizer_options: Mapping[str, str] | None = None,
    lowercase: bool | None = None,
    json_fields: tuple[str, ...] | None = None,
) -> SavedText:
    """What splits the text of the snapshot with this manifest; ConfigurationError if it cannot.

    Of a JSON object it takes the fields that the model learned; what is no JSON object is text.

    Parameters
    ----------
    manifest
        The snapshot's; white space splits where there is none.
    text_state
        What phrases were learned from; see :class:`streamer.tokenizers.phrases.PhraseTokenizer`.
    tokenizer
        Name of the tokenizer, needed where it is a function of your own: a snapshot does not get
        to run code.
    tokenizer_options
        As in training, where the snapshot does not tell, as of a dictionary.
    lowercase, json_fields
        In the place of what the snapshot says.

    """
    described = manifest.get("text", {})
    fields = tuple(described.get("json_field", ())) if json_fields is None else json_fields
    max_token_bytes = int(manifest.get("config", {}).get("max_token_bytes", 64))
    decoder = Decoder(
        RecordSplitter(_NEVER_CUT, max_token_bytes),
        lowercase=bool(described.get("lowercase", False)) if lowercase is None else lowercase,
        json_fields=fields,
        other_is_text=True,  # a question in plain words is none of the model's documents
    )
    # Imported here: tokenizers need Numba, and the command line does not.
    from streamer.tokenizers.saved import saved_tokenizer

    splitter = saved_tokenizer(
        str(manifest.get("tokenizer", PRETOKENIZED)),
        text_state,
        max_token_bytes,
        name=tokenizer,
        options=dict(tokenizer_options or {}),
    )
    return SavedText(decoder, splitter, each=bool(fields))
