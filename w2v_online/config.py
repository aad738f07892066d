"""What a learner is told: names, defaults, limits and meaning of every model option.

The one declaration of these options; the daemon's flags, environment variables and
configuration keys are derived from it. Names are gensim's.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRETOKENIZED = "pretokenized"
"""Tokenizer identity of a learner that was fed token lists."""

SLOT_IDS = 8192
"""Words of the past that are replayed at a time."""

ANNEAL_PASSES = 4
"""Passes over the kept text when a model is annealed; chosen by measurement."""

FREQUENT = 2000
"""One word in so many, the most frequent ones, is trained so often that its vector follows the text
of the last minutes: it is published near its average, and never told as changing."""

CHANGING_MIN_COUNT = 1000
"""Occurrences from which it can be told whether a word's use is changing."""

By = Literal["mean", "max", "pm4"]
"""What of its words makes a record surprising: their mean, the greatest, or the power mean
(mean of v**4)**(1/4), which is between the two."""

Of = Literal["context", "rarity", "both"]
"""What makes a word surprising: its contexts, its share of the stream, or both alike."""

Loss = Literal["ns", "hs", "softmax"]
"""Objectives; each is the module of that name in :mod:`w2v_online.learning.objectives`."""


class LearnerConfig(BaseModel):
    """Options of a learner; immutable and validated (pydantic's ValidationError, a ValueError)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_size: int = Field(100, ge=1, le=8192, description="Dimensions of a word vector.")
    cbow: bool = Field(
        False,
        description="Skip-gram predicts each context word. CBOW predicts a word from the mean of "
        "its context: faster, less accurate.",
        json_schema_extra={"section": "model", "off": "sg"},
    )
    loss: Loss = Field(
        "ns",
        description="ns: negative sampling; hs: hierarchical softmax; softmax: exact and slow.",
    )
    window: int = Field(
        5, ge=1, le=1000, description="Maximum distance between a word and its context, in words."
    )
    negative: int = Field(5, ge=1, le=63, description="Noise words drawn for each word trained.")
    ns_exponent: float = Field(
        0.75,
        ge=-1.0,
        le=1.0,
        description="Noise words are drawn in proportion to count**ns_exponent.",
    )
    sample: float = Field(
        1e-3,
        ge=0.0,
        le=1.0,
        description="Words more frequent than this are randomly skipped; 0 keeps all.",
    )
    min_count: int = Field(
        5,
        ge=1,
        le=1_000_000,
        description="Minimum number of occurrences before a word gets a vector.",
    )
    max_vocab_size: int = Field(
        1_000_000,
        ge=1,
        le=100_000_000,
        description="Maximum number of words with a vector. Bounds memory.",
    )
    half_life: int = Field(
        0,
        ge=0,
        description="Words after which an occurrence counts half; 0: never forget.",
    )
    replay: int = Field(
        0,
        ge=0,
        le=64,
        description="Extra training passes over recent text. Better vectors; training cost grows "
        "N-fold.",
    )
    replay_words: int = Field(
        16_000_000,
        ge=SLOT_IDS,
        le=1 << 32,
        description="Words of recent text kept for --replay; 4 bytes each.",
    )
    averaging: bool = Field(
        True,
        description="Publish running averages of vectors. More accurate; an eighth more memory.",
    )
    alpha: float = Field(
        0.05,
        gt=0.0,
        le=1.0,
        description="Learning rate of a word's first update. Skip-gram uses half of it for input "
        "vectors.",
    )
    min_alpha: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Minimum learning rate; each word's rate decays to it. Unless given, "
        "0.002; with skip-gram and negative sampling it rises to 0.01 as the model ages.",
        json_schema_extra={"metavar": "NUMBER"},
    )
    subwords: bool = Field(
        False,
        description="Also learn vectors of character n-grams: new words start from them, and words "
        "without a vector get one (infer).",
    )
    min_n: int = Field(3, ge=1, le=16, description="Shortest n-gram of --subwords, in characters.")
    max_n: int = Field(6, ge=1, le=16, description="Longest n-gram of --subwords, in characters.")
    bucket: int = Field(
        2_000_000,
        ge=1,
        le=1 << 30,
        description="Maximum number of n-gram vectors; beyond it, n-grams share vectors. Bounds "
        "memory.",
    )
    seed: int = Field(1, ge=0, le=2**63 - 1, description="Random seed.")
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Training threads. With 1, the same records and seed give the same model.",
    )
    max_token_bytes: int = Field(
        64, ge=1, le=4096, description="Longer words are dropped and counted."
    )
    boundaries: bool = Field(
        False,
        description="Treat the start and the end of each record as words, <s> and </s>. Useful for "
        "logs: the model then learns what begins and ends a record.",
        json_schema_extra={"section": "text"},
    )

    @model_validator(mode="after")
    def _check_ngrams(self) -> Self:
        if self.min_n > self.max_n:
            raise ValueError(f"min_n ({self.min_n}) must not be greater than max_n ({self.max_n})")
        return self
