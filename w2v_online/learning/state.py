"""A learner's state as arrays: what snapshots hold of it, and how a learner takes it over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.learning.model import Model
from w2v_online.learning.saving.image import Image
from w2v_online.snapshots.reader import SUBWORD_VECTORS, Snapshot

_RENAMED = {
    "replay_looks": "replay_passes",
    "replay_kept": "replay_keep_probability",
    "replay_given_away": "replay_reassigned",
}
"""Arrays that older snapshots hold by another name."""

_TEXT_STATE = "text_"
_ALERT_STATE = "alerts_"
"""Prefixes of the names of the model's ``text_state`` and ``alert_state`` in a snapshot."""

_FIXED = ("vector_size", "loss", "max_vocab_size", "max_token_bytes", "half_life", "boundaries")
"""Options that a snapshot's arrays depend on."""

_FIXED_WITH_SUBWORDS = ("min_n", "max_n", "bucket")
"""Those that the n-grams of a snapshot depend on; --subwords itself may be turned on and off."""


def image_of(model: Model) -> Image:
    """What a snapshot holds besides the matrices, as views."""
    embeddings, segments = model.embeddings, model.segments
    rows, matrices = len(embeddings), embeddings.matrices
    state: dict[str, NDArray[Any]] = {
        "updates0": matrices.updates0[:rows],
        "updates1": matrices.updates1[:rows],
        "generators": np.concatenate([model.subsampling_generator, embeddings.state]),
        "learner": np.array(
            [segments.end, segments.evicted_words, embeddings.predicted_rows], np.int64
        ),
        **model.vocabulary.state(),
        **model.objective.state(),
        **model.trainers.state(),
    }
    if model.averages is not None:
        state["averaged"] = model.averages.averaged[:rows]
        state["average_visits"] = np.array([model.averages.visits], np.int64)
    if model.replay is not None:
        state |= model.replay.state(rows)
    if model.subwords is not None:
        state |= model.subwords.state()
    state |= {_TEXT_STATE + name: array for name, array in model.text_state.items()}
    state |= {_ALERT_STATE + name: array for name, array in model.alert_state.items()}
    return Image(
        state,
        model.vocabulary.arrays,
        has_whole_counts=not model.config.half_life,
        manifest={
            "config": model.config.model_dump(),
            "tokenizer": model.tokenizer,
            "totals": model.totals(),
        },
    )


def take_over(model: Model, saved: Snapshot) -> None:
    """Let a new learner take over the state of a snapshot that fits its options."""
    state = {_RENAMED.get(name, name): array for name, array in saved.state.items()}
    model.vocabulary.restore(state)
    generators = state["generators"]
    model.embeddings.restore(
        np.asarray(state["rows"]),
        saved.vectors,
        state["output_vectors"],
        (state["updates0"], state["updates1"]),
        int(generators[1]),
    )
    if "averaged" in state:
        _take_over_averages(model, saved)
    replay, vocabulary = model.replay, model.vocabulary
    if replay is not None and "replay" in state:
        replay.restore(state)
    elif replay is not None:
        replay.set_counts(vocabulary.weighted_counts, vocabulary.weighted_total)
    if model.subwords is not None and "subword_buckets" in state:
        model.subwords.restore(state, saved.array(SUBWORD_VECTORS))
    model.objective.restore(state)
    model.trainers.restore(state)
    model.subsampling_generator[0] = generators[0]
    model.segments.end, model.segments.evicted_words = (int(n) for n in state["learner"][:2])
    model.embeddings.predicted_rows = int(state["learner"][-1])
    model.segments.set_age()
    model.text_state = _with_prefix(state, _TEXT_STATE)
    model.alert_state = _with_prefix(state, _ALERT_STATE)


def _with_prefix(state: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)
    }


def _take_over_averages(model: Model, saved: Snapshot) -> None:
    """Tell apart published averages and the vectors that training goes on with."""
    state = saved.state
    averaged, rows = np.asarray(state["averaged"]), np.asarray(state["rows"])
    has_average = averaged[rows] > 0
    if model.averages is not None:
        if "averages" in state:
            model.averages.restore(averaged, rows[has_average], np.asarray(state["averages"]))
        else:  # an older snapshot, whose averages are what it published
            values = saved.vectors[has_average]
            model.averages.restore_values(averaged, rows[has_average], values)
        model.averages.visits = int(state["average_visits"][0])
    model.embeddings.vectors[rows[has_average]] = state["raw_vectors"]


def saved_options(saved: Snapshot) -> tuple[LearnerConfig, str]:
    """The options of the learner that was saved, and its tokenizer; SnapshotError if garbled."""
    try:
        config = LearnerConfig.model_validate(saved.manifest["config"])
        return config, str(saved.manifest["tokenizer"])
    except (KeyError, ValueError) as error:
        raise SnapshotError(
            f"{saved.path} cannot be continued: its manifest lacks or garbles {error}"
        ) from error


def check_continues(snapshot: Snapshot, wanted: LearnerConfig, tokenizer: str | None) -> None:
    """SnapshotMismatchError if a snapshot cannot be continued as is wanted.

    SnapshotError if its options are garbled.
    """
    saved, saved_tokenizer = saved_options(snapshot)
    differences: Mapping[str, tuple[Any, Any]] = {
        name: (getattr(saved, name), getattr(wanted, name))
        for name in _FIXED
        if getattr(saved, name) != getattr(wanted, name)
    }
    if saved.subwords and wanted.subwords:
        differences = {
            **differences,
            **{
                name: (getattr(saved, name), getattr(wanted, name))
                for name in _FIXED_WITH_SUBWORDS
                if getattr(saved, name) != getattr(wanted, name)
            },
        }
    if tokenizer is not None and tokenizer != saved_tokenizer:
        differences = {**differences, "tokenizer": (saved_tokenizer, tokenizer)}
    if differences:
        listed = ", ".join(
            f"{name} is {old} there and {new} here" for name, (old, new) in differences.items()
        )
        raise SnapshotMismatchError(
            f"cannot continue {snapshot.path}: {listed}; use the saved values, another snapshot "
            "folder, or start afresh there with --resume never"
        )
