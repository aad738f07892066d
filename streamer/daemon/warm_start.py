"""``--init``: a new learner starts from vectors that were learned elsewhere.

Reads the file whole, so its size is needed in memory once, at the start. What does not fit is a
wrong configuration, said before anything is learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from w2v_online.errors import W2VError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.reading.vectors import load_vectors


def warm_start(learner: OnlineWord2Vec, file: Path, log: Any) -> None:
    """Let a learner that has learned nothing adopt the words and vectors of ``file``."""
    try:
        wv = load_vectors(file)
    except W2VError as error:
        raise ConfigurationError(f"--init: {error}") from error
    config = learner.config
    if wv.vector_size != config.vector_size:
        raise ConfigurationError(
            f"--init: {file} holds vectors of {wv.vector_size} numbers, not {config.vector_size}; "
            f"give --vector-size {wv.vector_size}"
        )
    if len(wv) > config.max_vocab_size:
        raise ConfigurationError(
            f"--init: {file} holds {len(wv):,} words, which all keep their rows, and "
            f"--max-vocab-size is {config.max_vocab_size}; give more, for new words too"
        )
    # Bytes that are not UTF-8 are in the words of a file what they become in the stream: U+FFFD.
    words = [word.encode(errors="surrogateescape").decode(errors="replace") for word in wv.words]
    adopted = learner.adopt(words, wv.vectors)
    log.info("warm_start", file=str(file), words=adopted, left_out=len(wv) - adopted)
