"""``--init``: a new learner starts with vectors that were trained elsewhere.

The whole file is read into memory at the start. Vectors that do not fit are a configuration error,
reported before anything is learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from w2v_online.config import LearnerConfig
from w2v_online.errors import W2VError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.reading.vectors import WordVectors, load_vectors


def read_start(file: Path, config: LearnerConfig) -> WordVectors:
    """Vectors that a new learner can start from. Raises ConfigurationError."""
    try:
        wv = load_vectors(file)
    except W2VError as error:
        raise ConfigurationError(f"--init: {error}") from error
    if not len(wv):
        raise ConfigurationError(f"--init: {file} holds no words")
    if wv.vector_size != config.vector_size:
        raise ConfigurationError(
            f"--init: the vectors of {file} have {wv.vector_size} dimensions, not "
            f"{config.vector_size}; use --vector-size {wv.vector_size}"
        )
    if len(wv) > config.max_vocab_size:
        raise ConfigurationError(
            f"--init: {file} holds {len(wv):,} words, more than --max-vocab-size "
            f"{config.max_vocab_size}; raise it, with room for new words"
        )
    return wv


def warm_start(learner: OnlineWord2Vec, file: Path, log: Any) -> None:
    """Load the words and vectors of ``file`` into a new learner. Raises ConfigurationError."""
    wv = read_start(file, learner.config)
    # Bytes that are not UTF-8 are in the words of a file what they become in the stream: U+FFFD.
    words = [word.encode(errors="surrogateescape").decode(errors="replace") for word in wv.words]
    adopted = learner.adopt(words, wv.vectors)
    log.info("warm_start", file=str(file), words=adopted, left_out=len(wv) - adopted)
