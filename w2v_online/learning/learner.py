"""The learner: joins vocabulary, noise, matrices and kernel; ``learn`` is the one way in.

A stream is trained in segments. Within a segment the noise weights stay as they are, so training
may follow encoding after any number of sentences and gives the same bytes: with one thread the
model depends on the sequence of records and the seed alone. At the end of a segment, due after so
many words and never after so many seconds, upkeep takes the weights from the counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import ANNEAL_PASSES, PRETOKENIZED, SLOT_IDS, LearnerConfig
from w2v_online.errors import SnapshotError, SnapshotMismatchError, UnknownWordError
from w2v_online.kernels.rowfile import claim_rows, copy_rows, read_rows, save_rows
from w2v_online.kernels.windows import MAX_UPDATES, Matrices
from w2v_online.learning.averages import REPLAY_PULL, SWEEP_VISITS, Averages
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.huffman import HuffmanTree
from w2v_online.learning.replay import Replay
from w2v_online.learning.sampler import NoiseDistribution
from w2v_online.learning.saving import publication
from w2v_online.learning.saving.background import BackgroundSnapshot, max_bytes
from w2v_online.learning.saving.image import Image, LiveMatrix, SavedMatrices
from w2v_online.learning.trainer import Encoded, Trainer, TrainerThreads
from w2v_online.learning.vocabulary import (
    SEPARATED,
    WHITESPACE,
    Vocabulary,
    padded_text,
    separated_text,
)
from w2v_online.snapshots import reader
from w2v_online.snapshots.reader import Snapshot
from w2v_online.snapshots.writer import SnapshotWriter
from w2v_online.stats import BatchStats

SEGMENT_GROWTH = 128
"""A segment ends when the stream has grown by one part in so many since the last one."""

MAX_SEGMENT_WORDS = 65_536

ADOPTED_UPDATES = 500
"""Updates that the last of V adopted words counts as; the r-th one as V / r times as many, as by
Zipf's law. Chosen by measurement: high enough that nothing is unlearned, low enough to go on."""


def warm_up(config: LearnerConfig) -> None:
    """Load or compile every kernel that a learner with these options calls.

    Compiled code is kept on disk, so only the first call on a machine takes seconds.
    """
    small = config.model_copy(
        update={"max_vocab_size": 2, "min_count": 1, "sample": 1e-3, "threads": 1}
    )
    model = OnlineWord2Vec(small)
    model.learn([["a", "b", "a"], ["c"] * 9, ["c"]])  # c takes a row from b
    vocabulary = Vocabulary(small)
    vocabulary.restore(model.vocabulary.state())
    vocabulary.words()
    _warm_up_copies(model.embeddings.matrices)
    if model.averages is not None:
        model.averages.warm_up()
    publication.warm_up()
    if model.replay is not None:
        model.replay.warm_up()
    if model.tree is not None:
        model.tree.warm_up()
    Vocabulary(small).enter([b"a"])


def _warm_up_copies(matrices: Matrices) -> None:
    """The kernels of :class:`BackgroundSnapshot`, without rows."""
    rows, flags, matrix = np.empty(0, np.int32), np.empty(0, np.uint8), matrices.syn0
    save_rows(matrix, rows, 0, flags, rows, matrix, 0)
    copy_rows(matrix, 0, 0, matrix)
    claim_rows(0, flags, flags == 1)
    read_rows(-1, 0, rows, matrix)


class OnlineWord2Vec:
    """Word vectors that learn from every record once, as it comes.

    Parameters
    ----------
    config
        Model options; the defaults if left out.
    tokenizer
        Identity of whatever splits the text, kept in snapshots: a model is only continued with
        the same one.

    """

    def __init__(
        self, config: LearnerConfig | None = None, *, tokenizer: str = PRETOKENIZED
    ) -> None:
        self.config = config = config or LearnerConfig()
        self.tokenizer = tokenizer
        seeds = _seeds(config.threads, config.seed)
        # Replay subsamples text itself, differently in every pass.
        thinning = {"sample": 0.0} if config.replay else {}
        self.vocabulary = Vocabulary(config.model_copy(update=thinning))
        self.noise = NoiseDistribution(config.ns_exponent, config.max_vocab_size)
        self.tree = HuffmanTree(config.max_vocab_size) if config.loss == "hs" else None
        self.embeddings = Embeddings(
            config.max_vocab_size,
            config.vector_size,
            int(seeds[0]),
            has_inner_nodes=self.tree is not None,
        )
        pull = REPLAY_PULL if config.replay else 0.0
        self.averages = (
            Averages(self.embeddings, config.max_vocab_size, pull=pull)
            if config.averaging
            else None
        )
        self.replay = Replay(config, int(seeds[-1])) if config.replay else None
        self._subsampling_state = seeds[1:2]
        self._trainers = [
            Trainer(config, self.embeddings, self.noise, self.tree, seeds[2 + 2 * i : 4 + 2 * i])
            for i in range(config.threads)
        ]
        self._threads = TrainerThreads(self._trainers) if config.threads > 1 else None
        self._remapped = np.zeros(config.max_vocab_size, np.int32)  # zeros between two uses
        self._segment_end = 0
        self._others_words = 0
        self._averaged_words = 0
        self._is_shared = False
        self._rate_scale = 1.0
        self.evicted_words = 0
        """Rows that were given to another word so far."""
        self.text_state: Mapping[str, NDArray[Any]] = {}
        """Arrays of whoever prepares the text; a snapshot holds them as they are at its moment."""

    @property
    def total_words(self) -> int:
        """Tokens read so far."""
        return self.vocabulary.total_words

    @property
    def max_bytes(self) -> int:
        """Most memory that all of it can ever take, besides the text that is being learned."""
        trainers = sum(trainer.max_bytes for trainer in self._trainers)
        matrices = self.vocabulary.max_bytes + self.embeddings.max_bytes
        averages = 0 if self.averages is None else self.averages.max_bytes
        averages += 0 if self.tree is None else self.tree.max_bytes
        learning = matrices + averages + self.noise.max_bytes + self._remapped.nbytes + trainers
        # Counted twice, because a snapshot copies it.
        text_bytes = 2 * sum(array.nbytes for array in self.text_state.values())
        return learning + self._replay_max_bytes + self._snapshot_max_bytes + text_bytes

    @property
    def _replay_max_bytes(self) -> int:
        return 0 if self.replay is None else self.replay.max_bytes

    @property
    def _snapshot_max_bytes(self) -> int:
        """Most memory that a snapshot in the background can take."""
        arrays = self.vocabulary.arrays
        state = (arrays.arena, arrays.counts, arrays.errors, arrays.free)
        state_bytes = sum(array.nbytes for array in state) + self._trainers[0].max_bytes
        return max_bytes(
            state_bytes + self.noise.max_bytes + self._replay_max_bytes,
            arrays.arena.nbytes,
            self.vocabulary.max_rows,
            4 * self.embeddings.row_floats,
            matrices=2 if self.averages is None else 3,
        )

    @property
    def queued_batches(self) -> int:
        """Encoded batches that wait for training threads; 0 with one thread."""
        return 0 if self._threads is None else self._threads.queued

    def learning_rates(self, step: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The rates at which every ``step``-th row of vectors and of output vectors learns now.

        float32[rows / step] each. May be called from another thread while this one learns.
        """
        return self._trainers[0].learning_rates(step)

    def reseed(self, *entropy: int) -> None:
        """Draw other random numbers from now on, as one of several that began alike."""
        seeds = _seeds(len(self._trainers), self.config.seed, *entropy)
        self.embeddings.state[0], self._subsampling_state[0] = seeds[:2]
        for i, trainer in enumerate(self._trainers):
            trainer.reseed(seeds[2 + 2 * i : 4 + 2 * i])
        if self.replay is not None:
            self.replay.reseed(int(seeds[-1]))

    def learn(self, sentences: Iterable[Iterable[str]]) -> BatchStats:
        """Learn from tokenised sentences, each a record: contexts do not cross them.

        A token that contains one of ASCII's separators RS and US, or a line break, is split
        there. Lone surrogates become question marks.
        """
        return self._learn(separated_text(sentences), SEPARATED, wait=True)

    def learn_text(
        self, text: bytes | bytearray, *, separated: bool = False, wait: bool = True
    ) -> BatchStats:
        """Learn from UTF-8 text: a record a line, tokens between ASCII whitespace.

        With ``separated`` it was split by a tokenizer: tokens lie between ASCII's separator US, and
        a record ends with RS.

        Without ``wait``, several threads may go on training behind the call: what it returns then
        counts the pairs trained since the last call, and :meth:`flush` waits for the rest.
        """
        return self._learn(text, SEPARATED if separated else WHITESPACE, wait=wait)

    def flush(self) -> BatchStats:
        """Wait until everything is trained; what was since the last call."""
        return self._learn(b"", WHITESPACE, wait=True)

    def _learn(
        self, text: bytes | bytearray, classes: NDArray[np.uint8], *, wait: bool
    ) -> BatchStats:
        buffer = padded_text(text)
        records, words = self.vocabulary.total_records, self.vocabulary.total_words
        trained_words = 0
        stats = np.zeros(5)
        position = 0
        while position < len(text):
            position, ids, sentence_ends = self.vocabulary.encode(
                buffer, position, len(text), classes, self._segment_end, self._subsampling_state
            )
            self.embeddings.grow(len(self.vocabulary))
            encoded = Encoded(ids, sentence_ends)
            for part in [encoded] if self.replay is None else self.replay.mix(encoded):
                trained_words += 0 if part.is_replayed else len(part.ids)
                stats += self._train(part)
            if self.vocabulary.total_words >= self._segment_end:
                self._upkeep()
        if self._threads is not None:
            if wait:
                self.wait()
            stats = self._threads.take_stats()
        return BatchStats(
            records=self.vocabulary.total_records - records,
            words=self.vocabulary.total_words - words,
            trained_words=trained_words,
            positive_pairs=int(stats[0]),
            negative_pairs=int(stats[1]),
            positive_loss=float(stats[2]),
            negative_loss=float(stats[3]),
            replayed_pairs=int(stats[4]),
        )

    def _train(self, part: Encoded) -> NDArray[np.float64]:
        """The trainer's figures; zeros where threads train it later and have them then."""
        if self._threads is None:
            return self._trainers[0].train(part)
        self._threads.submit(part.copy())
        return np.zeros(5)

    def anneal(
        self, passes: int = ANNEAL_PASSES, goes_on: Callable[[float], bool] | None = None
    ) -> bool:
        """Learn all text that replay keeps ``passes`` times more, at rates that decay to zero.

        An endless stream never lets the rates decay, so vectors stay noisy; this does what the end
        of batch training does, and replaces the averages. Learning can go on afterwards, at the
        usual rates. If only a share of the text read so far is kept, rates start at that share of
        the usual ones, and vectors start nearer to their averages.
        ``goes_on`` is called before each 8,192 words with the part that is done, from 0 to 1; if it
        returns False, annealing stops and what was learned stays. Returns whether all passes were
        made. Raises ValueError without replay.
        """
        if self.replay is None:
            raise ValueError("annealing trains on kept text, and this model has no replay")
        # What is kept of less can teach less of what the model knows: it stays nearer to that.
        share = min(1.0, self.replay.kept_words / max(1.0, float(self.vocabulary.counts.sum())))
        if passes and self.averages is not None:
            self.averages.pull(1.0 - share)
        is_whole = True
        slots_until_turn = MAX_SEGMENT_WORDS // SLOT_IDS
        for turn, (done, part) in enumerate(self.replay.whole_passes(passes), 1):
            if goes_on is not None and not goes_on(done):
                is_whole = False
                break
            for trainer in self._trainers:
                trainer.anneal(self.total_words, share * (1.0 - done) * self._rate_scale, turn)
            self._train(part)
            if self.averages is not None and turn % slots_until_turn == 0:
                self.averages.visit()
        self.flush()
        self._set_age()
        if is_whole and passes and self.averages is not None:
            self.averages.reset(np.arange(len(self.embeddings), dtype=np.int32))
        return is_whole

    def _upkeep(self) -> None:
        """End a segment: rows change hands, noise weights follow, the next segment's end is set."""
        evicted = self.vocabulary.evict()
        if len(evicted):
            self.wait()
            self.embeddings.reset(evicted)
            if self.averages is not None:
                self.averages.reset(evicted)
            if self.replay is not None:
                self.replay.reset(evicted)
            self._remap_negatives(evicted, np.full(len(evicted), -1, np.int32))
            self.evicted_words += len(evicted)
        total_words = self.vocabulary.total_words
        self._update_outputs()
        segment_words = self._segment_words
        # What others read ends segments too; parts of one count towards the next.
        late = min(total_words - self._segment_end, self._others_words)
        if self.averages is not None and not self._is_shared:
            self.averages.visit()
        if self.replay is not None:
            self.replay.set_counts(self.vocabulary.weighted_counts, self.vocabulary.weighted_total)
        self._others_words = 0
        self._segment_end = total_words + segment_words - late % segment_words
        self._set_age()

    @property
    def _segment_words(self) -> int:
        return min(MAX_SEGMENT_WORDS, max(1, self.total_words // SEGMENT_GROWTH))

    def _set_age(self) -> None:
        """Rates are those of the segment: they change where the stream says, not a batch."""
        for trainer in self._trainers:
            trainer.set_age(self._segment_end, self._rate_scale)

    def _update_outputs(self) -> None:
        """Let the noise, or the tree, follow the counts."""
        counts, total_words = self.vocabulary.weighted_counts, self.total_words
        self.embeddings.predicted_rows = len(counts)
        if self.config.loss == "ns":
            self.noise.update(counts, total_words)
        elif self.tree is not None:
            self._update_tree(self.tree, counts)

    def _update_tree(self, tree: HuffmanTree, counts: NDArray[np.float64]) -> None:
        """Give new words their leaves and, where upkeep is due, let the tree follow the counts."""
        total_words = self.total_words
        is_due = tree.is_due(total_words)
        if is_due or len(tree) < len(counts):
            self.wait()
        tree.grow(len(counts))
        if not is_due:
            return
        if tree.is_grouping_due(total_words):
            nodes = np.arange(len(tree) - 1, dtype=np.int32)
            self.embeddings.keep(nodes[:0], nodes)
            tree.group(counts, total_words, self.embeddings.matrices)
        tree.update(counts, total_words)

    def wait(self) -> None:
        """Wait until no thread trains; :meth:`flush` also says what was trained."""
        if self._threads is not None:
            self._threads.flush()

    def _remap_negatives(self, rows: NDArray[np.int32], new_rows: NDArray[np.int32]) -> None:
        for trainer in self._trainers:
            trainer.negatives.remap(rows, new_rows, self._remapped)

    def adopt(self, words: Sequence[str], vectors: NDArray[np.float32]) -> int:
        """Start from vectors learned elsewhere, float32[len(words), vector_size].

        Each word gets a row at once, whatever ``min_count``, with no sighting counted, and keeps it
        for good (see :meth:`pin`). Words come in descending order of how often they were trained:
        the first move the slowest. Output vectors, which the usual files lack, start afresh.
        Words longer than ``max_token_bytes`` or empty are left out; returns how many words were
        adopted. ValueError if something was learned already, if vectors do not fit, or if there
        are more words than rows.
        """
        if self.total_words or len(self.vocabulary):
            raise ValueError("vectors can only be adopted before anything is learned")
        vectors = np.asarray(vectors, np.float32)
        if vectors.shape != (len(words), self.config.vector_size):
            raise ValueError(
                f"{len(words)} words need vectors of shape "
                f"{(len(words), self.config.vector_size)}, not {vectors.shape}"
            )
        encoded = [word.encode(errors="replace") for word in words]
        index = {
            word: i
            for i, word in reversed(list(enumerate(encoded)))
            if 0 < len(word) <= self.config.max_token_bytes
        }
        chosen = sorted(index.values())
        if len(chosen) > self.config.max_vocab_size:
            raise ValueError(
                f"{len(chosen)} words are more than max_vocab_size {self.config.max_vocab_size}"
            )
        rows = self.vocabulary.enter([encoded[i] for i in chosen])
        self.embeddings.grow(len(self.vocabulary))
        updates = ADOPTED_UPDATES * len(rows) / np.arange(1, len(rows) + 1)
        self.embeddings.adopt(
            rows, vectors[chosen], np.minimum(updates, MAX_UPDATES).astype(np.uint32)
        )
        for row in rows:
            self.vocabulary.pin(row)
        return len(rows)

    def forget(self, words: Iterable[str]) -> list[str]:
        """Remove words with all that was learned and counted of them; return those that were there.

        The next snapshot does not hold them. If they come again they are new words.
        """
        self.wait()
        found = []
        for word in words:
            if self.vocabulary.entry(word) < 0:
                continue
            found.append(word)
            moved = self.vocabulary.remove(word)
            if moved is not None:
                row, last = moved
                node = None
                if self.tree is not None:
                    self.tree.grow(last + 1)
                    node = self.tree.remove(row)
                self.embeddings.remove(row, node)
                if self.averages is not None:
                    self.averages.remove(row, last)
                if self.replay is not None:
                    self.replay.remove(row, last)
                rows = np.array([row, last][: 1 + (row != last)], np.int32)
                self._remap_negatives(rows, np.array([-1, row], np.int32)[: len(rows)])
                self._update_outputs()
        return found

    def pin(self, words: Iterable[str]) -> None:
        """Never let words lose their rows; UnknownWordError for a word that has none."""
        rows = []
        for word in words:
            row = self.vocabulary.entry(word)
            if not 0 <= row < self.vocabulary.max_rows:
                raise UnknownWordError(f"{word!r} has no row to pin")
            rows.append(row)
        for row in rows:
            self.vocabulary.pin(row)

    def learn_as_one_of(self, learners: int, rate_scale: float) -> None:
        """Learn at so many times the rates, as one of so many that share a model, from now on.

        With others averages are of what is merged, and :meth:`merged` comes after every merging.
        """
        self._is_shared = learners > 1
        self._averaged_words = self.total_words
        self._rate_scale = rate_scale
        self._set_age()

    def merged(self, others_words: int) -> None:
        """Follow after counts and rows of others, who read so much, were added."""
        self._others_words += others_words
        if self.averages is not None and self._is_shared:
            turns = (self.total_words - self._averaged_words) // self._segment_words
            for _ in range(min(turns, SWEEP_VISITS)):
                self.averages.visit()
            self._averaged_words += turns * self._segment_words

    # --- snapshots ---------------------------------------------------------------------------

    def snapshot(self, folder: str | Path, *, vectors_only: bool = False, **extra: Any) -> Path:
        """Write a complete snapshot into a new folder below ``folder`` and return its path.

        With ``vectors_only`` it is one for readers, that no learner can go on from. ``extra`` goes
        into the manifest (the daemon's source positions, for one). Raises SnapshotError if it
        cannot be written; nothing of it is left then.
        """
        self.wait()
        image = self._image().for_readers() if vectors_only else self._image()
        rows = len(self.embeddings)
        matrices = SavedMatrices(
            LiveMatrix(self.embeddings.vectors),
            None if vectors_only else LiveMatrix(self.embeddings.output_vectors),
            None if self.averages is None else LiveMatrix(self.averages.words[:rows]),
        )
        n_matrices = 1 if vectors_only else len(matrices)
        needed_bytes = image.nbytes + n_matrices * self.embeddings.vectors.nbytes
        writer = SnapshotWriter(Path(folder), needed_bytes, vectors_only=vectors_only)
        try:
            return image.write(writer, matrices, **extra)
        except BaseException:
            writer.abort()
            raise

    def begin_snapshot(
        self,
        folder: str | Path,
        then: Callable[[Path], None] | None = None,
        *,
        vectors_only: bool = False,
    ) -> BackgroundSnapshot:
        """Begin a snapshot that is written while this learner goes on.

        The moment that it is of comes later, see :class:`BackgroundSnapshot`: while it is under
        way, its methods are called between two of this learner's. ``then`` is called with its path,
        in a thread, as its last step. Raises SnapshotError.
        """
        return BackgroundSnapshot(
            Path(folder),
            self.embeddings,
            self.averages,
            self._image,
            self.wait,
            then,
            vectors_only=vectors_only,
        )

    def _image(self) -> Image:
        """What a snapshot holds besides the matrices, as views."""
        rows = len(self.embeddings)
        matrices = self.embeddings.matrices
        state: dict[str, NDArray[Any]] = {
            "updates0": matrices.updates0[:rows],
            "updates1": matrices.updates1[:rows],
            "generators": np.concatenate([self._subsampling_state, self.embeddings.state]),
            "learner": np.array(
                [self._segment_end, self.evicted_words, self.embeddings.predicted_rows], np.int64
            ),
            **self.vocabulary.state(),
            **self.noise.state(),
            **self._trainers[0].state(),
        }
        if self.tree is not None:
            state.update(self.tree.state())
        if self.averages is not None:
            state["averaged"] = self.averages.averaged[:rows]
            state["average_visits"] = np.array([self.averages.visits], np.int64)
        if self.replay is not None:
            state |= self.replay.state(rows)
        state |= {_TEXT_STATE + name: array for name, array in self.text_state.items()}
        return Image(
            state,
            self.vocabulary.arrays,
            has_whole_counts=not self.config.half_life,
            manifest={
                "config": self.config.model_dump(),
                "tokenizer": self.tokenizer,
                "totals": self.totals(),
            },
        )

    def vectors(self) -> NDArray[np.float32]:
        """float32[V, vector_size]: the vector of each row as a snapshot taken now would have it."""
        vectors = self.embeddings.vectors.copy()
        if self.averages is not None:
            rows = self.averages.rows
            vectors[rows] = self.averages.of(rows)
        return vectors

    def totals(self) -> dict[str, int]:
        """What was read so far, as it stands in the manifest of a snapshot."""
        vocabulary = self.vocabulary
        return {
            "records": vocabulary.total_records,
            "words": vocabulary.total_words,
            "dropped_tokens": vocabulary.dropped_tokens,
            "vocabulary": len(vocabulary),
            "candidates": vocabulary.candidates,
            "forgotten_candidates": vocabulary.forgotten_words,
            "evicted_words": self.evicted_words,
            "max_missed_count": math.ceil(vocabulary.max_missed),
        }

    @classmethod
    def restore(
        cls,
        path: str | Path,
        config: LearnerConfig | None = None,
        *,
        tokenizer: str | None = None,
    ) -> OnlineWord2Vec:
        """A learner that goes on where the snapshot at ``path`` was taken.

        ``config`` may differ from the saved one except in what the saved arrays depend on, and
        ``tokenizer`` must be the saved one if given: SnapshotMismatchError otherwise,
        SnapshotError if the snapshot is damaged.
        """
        saved = reader.read_whole(Path(path))
        saved.verify()
        try:
            saved_config = LearnerConfig.model_validate(saved.manifest["config"])
            saved_tokenizer = str(saved.manifest["tokenizer"])
            config = config or saved_config
            check_continues(saved.path, saved_config, config, saved_tokenizer, tokenizer)
            model = cls(config, tokenizer=saved_tokenizer)
            model._take_over(saved)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise SnapshotError(
                f"{saved.path} cannot be continued: its state lacks or garbles {error}"
            ) from error
        return model

    def _take_over(self, saved: Snapshot) -> None:
        """Take the state of a snapshot that fits."""
        state = {_RENAMED.get(name, name): array for name, array in saved.state.items()}
        self.vocabulary.restore(state)
        generators = state["generators"]
        self.embeddings.restore(
            np.asarray(state["rows"]),
            saved.vectors,
            state["output_vectors"],
            (state["updates0"], state["updates1"]),
            int(generators[1]),
        )
        if "averaged" in state:
            self._take_over_averages(saved)
        self.noise.restore(state)
        if self.replay is not None and "replay" in state:
            self.replay.restore(state)
        elif self.replay is not None:
            self.replay.set_counts(self.vocabulary.weighted_counts, self.vocabulary.weighted_total)
        if self.tree is not None:
            self.tree.restore(state)
        self._trainers[0].restore(state)
        self._subsampling_state[0] = generators[0]
        self._segment_end, self.evicted_words = (int(number) for number in state["learner"][:2])
        self.embeddings.predicted_rows = int(state["learner"][-1])
        self._set_age()
        self.text_state = {
            name.removeprefix(_TEXT_STATE): array
            for name, array in state.items()
            if name.startswith(_TEXT_STATE)
        }

    def _take_over_averages(self, saved: Snapshot) -> None:
        """Tell apart published averages and the vectors that training goes on with."""
        state = saved.state
        averaged, rows = np.asarray(state["averaged"]), np.asarray(state["rows"])
        has_average = averaged[rows] > 0
        if self.averages is not None:
            self.averages.restore(averaged, rows[has_average], saved.vectors[has_average])
            self.averages.visits = int(state["average_visits"][0])
        self.embeddings.vectors[rows[has_average]] = state["raw_vectors"]


def _seeds(threads: int, *entropy: int) -> NDArray[np.uint64]:
    """Seeds of a learner's generators: two of its own, two of each trainer, one for replay."""
    sequence = np.random.SeedSequence(entropy if len(entropy) > 1 else entropy[0])
    return sequence.generate_state(3 + 2 * threads, np.uint64).astype(np.uint64)


_RENAMED = {
    "replay_looks": "replay_passes",
    "replay_kept": "replay_keep_probability",
    "replay_given_away": "replay_reassigned",
}
"""Arrays that older snapshots hold by another name."""

_TEXT_STATE = "text_"
"""Prefix of the names of :attr:`OnlineWord2Vec.text_state` in a snapshot."""

_FIXED = ("vector_size", "loss", "max_vocab_size", "max_token_bytes", "half_life")
"""Options that a snapshot's arrays depend on."""


def check_continues(
    path: Path,
    saved: LearnerConfig,
    wanted: LearnerConfig,
    saved_tokenizer: str,
    tokenizer: str | None,
) -> None:
    """SnapshotMismatchError if what was saved at ``path`` cannot be continued as is wanted."""
    differences: Mapping[str, tuple[Any, Any]] = {
        name: (getattr(saved, name), getattr(wanted, name))
        for name in _FIXED
        if getattr(saved, name) != getattr(wanted, name)
    }
    if tokenizer is not None and tokenizer != saved_tokenizer:
        differences = {**differences, "tokenizer": (saved_tokenizer, tokenizer)}
    if differences:
        listed = ", ".join(
            f"{name} is {old} there and {new} here" for name, (old, new) in differences.items()
        )
        raise SnapshotMismatchError(
            f"cannot continue {path}: {listed}; use the saved values, another snapshot folder, "
            "or start afresh there with --resume never"
        )
