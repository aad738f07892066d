"""Warm-up: every kernel that a learner calls is loaded, or compiled, before text comes.

Where none is compiled yet, another process compiles what training and saving call, meanwhile:
``python -m w2v_online.learning.warmup OPTIONS``, the options of a model as JSON.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from w2v_online.config import LearnerConfig
from w2v_online.kernels.encode import encode
from w2v_online.kernels.jit import is_new
from w2v_online.kernels.rowfile import claim_rows, copy_rows, read_rows, save_rows
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.saving import publication
from w2v_online.learning.vocabulary import SEPARATED, Vocabulary, padded_text, separated_text

_TEXT = [["a", "b", "a"], ["c"] * 9, ["c"]]
"""With two rows, c takes one from b."""


def warm_up(config: LearnerConfig, *, scored: bool = False) -> None:
    """Load or compile every kernel that a learner with these options calls.

    With ``scored`` those of :meth:`OnlineWord2Vec.learn_scored` instead of ``learn``. Compiled code
    is kept on disk, so only the first call on a machine takes seconds.
    """
    small = config.model_copy(
        update={"max_vocab_size": 2, "min_count": 1, "sample": 1e-3, "threads": 1}
    )
    if is_new(encode) and not scored and _cores() > 1:
        with _another_process(small):
            _warm_up_text(small)
    model = OnlineWord2Vec(small)
    learn = model.learn_scored if scored else model.learn
    learn(_TEXT)
    _warm_up_saving(model)
    _warm_up_text(small)


def _warm_up_text(small: LearnerConfig) -> None:
    """The kernels of a vocabulary."""
    vocabulary = Vocabulary(small)
    text = separated_text(_TEXT)
    state, no_end = np.zeros(1, np.uint64), 1 << 62
    vocabulary.encode(padded_text(text), 0, len(text), SEPARATED, no_end, state)
    vocabulary.evict()
    restored = Vocabulary(small)
    restored.restore(vocabulary.state())
    restored.words()
    Vocabulary(small).enter([b"a"])


def _warm_up_training(small: LearnerConfig) -> None:
    """The kernels that are called with rows: those of training, upkeep and saving."""
    model = OnlineWord2Vec(small)
    model.embeddings.grow(2)
    model.embeddings.predicted_rows = 2
    model.objective.set_counts(np.array([2.0, 1.0]), 3, model.trainers.wait)
    model.trainers.train(Encoded(np.array([0, 1, 0], np.int32), np.array([3], np.int64)))
    moved = np.array([1], np.int32)
    model.embeddings.reset(moved)
    model.trainers.remap(moved, -moved)
    if model.averages is not None:
        model.averages.visit()
        model.averages.reset(moved)
    _warm_up_saving(model)


def _warm_up_saving(model: OnlineWord2Vec) -> None:
    """The kernels of snapshots, and those that only some of the model's options call."""
    # Those of BackgroundSnapshot, without rows.
    rows, flags, matrix = (
        np.empty(0, np.int32),
        np.empty(0, np.uint8),
        model.embeddings.matrices.syn0,
    )
    save_rows(matrix, rows, 0, flags, rows, matrix, 0)
    copy_rows(matrix, 0, 0, matrix)
    claim_rows(0, flags, flags == 1)
    read_rows(-1, 0, rows, matrix)
    publication.warm_up()
    if model.averages is not None:
        model.averages.warm_up()
    if model.replay is not None:
        model.replay.warm_up()
    model.objective.warm_up()


@contextmanager
def _another_process(small: LearnerConfig) -> Iterator[None]:
    """Let another process compile :func:`_warm_up_training`; wait for it at the end of the block.

    If it fails, nothing is lost: whoever calls these kernels compiles them.
    """
    import subprocess  # here, for only a first start needs it

    process = subprocess.Popen(  # noqa: S603 this module
        [sys.executable, "-P", "-m", __name__, small.model_dump_json()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if __name__ == "__main__":
    _warm_up_training(LearnerConfig.model_validate_json(sys.argv[1]))
