"""What a learner is told: names, defaults, limits and meaning of every model option.

The one declaration of these options; the daemon's flags, environment variables and
configuration keys are derived from it. Names are gensim's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SLOT_IDS = 8192
"""Words of the past that are replayed at a time."""

ANNEAL_PASSES = 4
"""Passes over the kept text when a model is annealed; chosen by measurement."""


class LearnerConfig(BaseModel):
    """Options of a learner; immutable and validated (pydantic's ValidationError, a ValueError)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_size: int = Field(100, ge=1, le=8192, description="Dimensions of a word vector.")
    cbow: bool = Field(
        False,
        description="Predict a word from the mean of its contexts (--sg: from each of them).",
        json_schema_extra={"section": "model", "off": "sg"},
    )
    loss: Literal["ns", "hs", "softmax"] = Field(
        "ns",
        description="Negative sampling, hierarchical softmax, or the exact softmax (slow).",
    )
    window: int = Field(
        5, ge=1, le=1000, description="Largest distance between a word and its context, in words."
    )
    negative: int = Field(
        5, ge=1, le=63, description="Words drawn from the noise distribution for each centre."
    )
    ns_exponent: float = Field(
        0.75,
        ge=-1.0,
        le=1.0,
        description="The noise distribution is proportional to count**ns_exponent.",
    )
    sample: float = Field(
        1e-3,
        ge=0.0,
        le=1.0,
        description="Words above this frequency are thinned out at random; 0 keeps all.",
    )
    min_count: int = Field(
        5, ge=1, le=1_000_000, description="A word gets a vector when it has been seen so often."
    )
    max_vocab_size: int = Field(
        1_000_000,
        ge=1,
        le=100_000_000,
        description="Most words that can have a vector; memory is bounded by it.",
    )
    half_life: int = Field(
        0,
        ge=0,
        description="Words of the stream after which a sighting counts half; 0: never forget.",
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
        description="Words of the recent past kept for replay; 4 bytes each.",
    )
    averaging: bool = Field(
        True,
        description="Publish averages of the vectors' recent path: better, for an eighth more "
        "memory than the two matrices take.",
    )
    alpha: float = Field(
        0.05,
        gt=0.0,
        le=1.0,
        description="Learning rate of a first update: with skip-gram an output vector's, which is "
        "twice a word vector's.",
    )
    min_alpha: float = Field(
        0.002, ge=0.0, le=1.0, description="Learning rate that a row's rate falls to, never below."
    )
    seed: int = Field(
        1, ge=0, le=2**63 - 1, description="Seed of initial vectors, subsampling and negatives."
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Training threads; with 1 the model is a function of records and seed.",
    )
    max_token_bytes: int = Field(
        64, ge=1, le=4096, description="Longer tokens are dropped and counted."
    )
