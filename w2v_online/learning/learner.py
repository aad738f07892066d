"""The learner: joins vocabulary, objective, matrices and trainers; ``learn`` is the one way in.

With one thread the model depends on the sequence of records and the seed alone: see
:mod:`w2v_online.learning.segments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import ANNEAL_PASSES, LearnerConfig
from w2v_online.errors import SnapshotError, UnknownWordError
from w2v_online.kernels.encode import Noted
from w2v_online.learning import adoption, annealing, state
from w2v_online.learning.boundaries import with_boundaries
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.model import Model, generator_seeds
from w2v_online.learning.noted import NotedTokens, working_memory
from w2v_online.learning.saving.background import BackgroundSnapshot
from w2v_online.learning.saving.foreground import write_snapshot
from w2v_online.learning.surprise import Surprise
from w2v_online.learning.vocabulary import (
    ENCODED_SENTENCES,
    ENCODED_WORDS,
    SEPARATED,
    WHITESPACE,
    padded_text,
    separated_text,
)
from w2v_online.snapshots import reader
from w2v_online.stats import BatchStats

if TYPE_CHECKING:
    from w2v_online.reading.vectors import WordVectors


class OnlineWord2Vec(Model):
    """Word vectors that learn from every record once, as it comes.

    Parameters
    ----------
    config
        Model options; the defaults if left out.
    tokenizer
        Identity of whatever splits the text, kept in snapshots: a model is only continued with
        the same one.

    """

    _noted: Noted | None = None
    """Working memory of :meth:`learn_scored`."""

    @property
    def queued_batches(self) -> int:
        """Encoded batches that wait for training threads; 0 with one thread."""
        return self.trainers.queued_batches

    def learning_rates(self, step: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The rates at which every ``step``-th row of vectors and of output vectors learns now.

        float32[rows / step] each. May be called from another thread while this one learns.
        """
        return self.trainers.first.learning_rates(step)

    def reseed(self, *entropy: int) -> None:
        """Draw other random numbers from now on, as one of several that began alike."""
        seeds = generator_seeds(self.config.threads, self.config.seed, *entropy)
        self.embeddings.state[0], self.subsampling_generator[0] = seeds[:2]
        self.trainers.reseed(seeds[2:-1])
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
        a record ends with RS. A token with a line feed is split there.

        Without ``wait``, several threads may go on training behind the call: what it returns then
        counts the pairs trained since the last call, and :meth:`flush` waits for the rest.

        Raises ValueError for text that is not UTF-8; nothing of it is learned then.
        """
        _check_utf8(text)
        return self._learn(text, SEPARATED if separated else WHITESPACE, wait=wait)

    def learn_scored(
        self, sentences: Iterable[Iterable[str]], *, by_each_context: bool = True
    ) -> tuple[BatchStats, Surprise]:
        """Score each of the tokenised sentences just before it is learned; see :meth:`learn`.

        The surprise of a sentence is by the model as it was before, with one thread exactly: it
        does not depend on how sentences were batched. Vectors are those that are trained, not
        their averages. A word is scored by the mean of its contexts; with skip-gram and
        hierarchical softmax the most surprising one of every sixteen words of a sentence by each of
        its contexts, as :class:`w2v_online.Scorer` scores all words, unless ``by_each_context`` is
        False. That takes a fifth of the time of scoring, and matters for the surprise by context
        alone.
        """
        return self._learn_scored(separated_text(sentences), SEPARATED, by_each_context)

    def learn_scored_text(
        self, text: bytes | bytearray, *, separated: bool = False, by_each_context: bool = True
    ) -> tuple[BatchStats, Surprise]:
        """Score each record of UTF-8 text before it is learned.

        See :meth:`learn_text` and :meth:`learn_scored`. Several threads are waited for.
        """
        _check_utf8(text)
        classes = SEPARATED if separated else WHITESPACE
        return self._learn_scored(text, classes, by_each_context)

    def _learn_scored(
        self, text: bytes | bytearray, classes: NDArray[np.uint8], by_each_context: bool
    ) -> tuple[BatchStats, Surprise]:
        noted: list[NotedTokens] = []
        stats = self._learn(text, classes, wait=True, noted=noted, by_each_context=by_each_context)
        return stats, Surprise.of_noted(noted)

    def flush(self) -> BatchStats:
        """Wait until everything is trained; what was since the last call."""
        return self._learn(b"", WHITESPACE, wait=True)

    def _learn(
        self,
        text: bytes | bytearray,
        classes: NDArray[np.uint8],
        *,
        wait: bool,
        noted: list[NotedTokens] | None = None,
        by_each_context: bool = True,
    ) -> BatchStats:
        """Learn; if ``noted`` is a list, sentences are scored before, and appended to it."""
        if self.config.boundaries:
            text = with_boundaries(text, classes)
        memory = None if noted is None else self._memory_of_notes()
        buffer = padded_text(text)
        records, words = self.vocabulary.total_records, self.vocabulary.total_words
        trained_words = 0
        stats = BatchStats()
        position = 0
        while position < len(text):
            position, ids, sentence_ends = self.vocabulary.encode(
                buffer,
                position,
                len(text),
                classes,
                self.segments.end,
                self.subsampling_generator,
                memory,
            )
            self.segments.grow()
            encoded = Encoded(ids, sentence_ends)
            if noted is not None and memory is not None:
                noted.append(NotedTokens.copy_of(memory, len(sentence_ends), by_each_context))
                encoded = replace(encoded, noted=noted[-1])
            for part in [encoded] if self.replay is None else self.replay.mix(encoded):
                trained_words += 0 if part.is_replayed else len(part.ids)
                stats += self.trainers.train(part)
            if self.segments.is_over:
                self.segments.upkeep()
        if wait:
            self.wait()
        return replace(
            stats + self.trainers.take_threaded(),
            records=self.vocabulary.total_records - records,
            words=self.vocabulary.total_words - words,
            trained_words=trained_words,
        )

    def _memory_of_notes(self) -> Noted:
        if self._noted is None:
            self._noted = working_memory(ENCODED_WORDS, ENCODED_SENTENCES)
        return self._noted

    def wait(self) -> None:
        """Wait until no thread trains; :meth:`flush` also says what was trained."""
        self.trainers.wait()

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
        made. Raises ValueError without replay, and for less than no pass.
        """
        return annealing.anneal(self, passes, goes_on)

    def adopt(self, words: Sequence[str], vectors: NDArray[np.float32]) -> int:
        """Start from vectors learned elsewhere, float32[len(words), vector_size].

        Each word gets a row at once, whatever ``min_count``, without a count, and keeps it for good
        (see :meth:`pin`). Words come in descending order of how often they were trained:
        the first move the slowest. Output vectors, which the usual files lack, start afresh.
        Words that cannot be tokens are left out: empty ones, those longer than ``max_token_bytes``,
        and those with a line break or one of ASCII's separators RS and US. Returns how many words
        were adopted. ValueError if something was learned already, if vectors do not fit or are not
        finite, or if there are more words than rows.
        """
        return adoption.adopt(self, words, vectors)

    def forget(self, words: Iterable[str]) -> list[str]:
        """Remove words with all that was learned and counted of them; return those that were there.

        The next snapshot does not hold them. If they come again they are new words.
        """
        _check_words(words)
        self.wait()
        found = []
        for word in words:
            if self.vocabulary.entry(word) < 0:
                continue
            found.append(word)
            moved = self.vocabulary.remove(word)
            if moved is not None:
                self.segments.remove(*moved)
        return found

    def pin(self, words: Iterable[str]) -> None:
        """Never let words lose their rows; UnknownWordError for a word that has none."""
        _check_words(words)
        rows = []
        for word in words:
            row = self.vocabulary.entry(word)
            if not 0 <= row < self.vocabulary.max_rows:
                raise UnknownWordError(f"{word!r} cannot be pinned: it has no vector yet")
            rows.append(row)
        for row in rows:
            self.vocabulary.pin(row)

    def learn_as_one_of(self, learners: int, rate_scale: float) -> None:
        """Learn at so many times the rates, as one of so many that share a model, from now on.

        Averages are then of what is merged, and :meth:`merged` must be called after every merge.
        """
        self.segments.share(learners, rate_scale)

    def merged(self, others_words: int) -> None:
        """Follow after counts and rows of others, who read so many words, were added."""
        self.segments.merged(others_words)

    # --- snapshots ---------------------------------------------------------------------------

    def snapshot(
        self,
        folder: str | Path,
        *,
        vectors_only: bool = False,
        with_output: bool = False,
        **extra: Any,
    ) -> Path:
        """Write a complete snapshot into a new folder below ``folder`` and return its path.

        With ``vectors_only`` it is one for readers, that no learner can go on from; ``with_output``
        these can score and predict, too. ``extra`` goes into the manifest (the daemon's source
        positions, for one). Raises SnapshotError if it cannot be written; nothing of it is left
        then.
        """
        self.wait()
        return write_snapshot(
            Path(folder),
            state.image_of(self),
            self.embeddings,
            self.averages,
            self.subwords,
            vectors_only=vectors_only,
            with_output=with_output,
            **extra,
        )

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
            self.subwords,
            lambda: state.image_of(self),
            self.wait,
            then,
            vectors_only=vectors_only,
        )

    @property
    def wv(self) -> WordVectors:
        """The vectors as they are now, to ask: words in descending order of counts; a copy."""
        # Imported here: a learner whose snapshots are read elsewhere does not need it.
        from w2v_online.reading.vectors import WordVectors

        self.wait()
        counts = self.vocabulary.counts
        order = np.argsort(-counts, kind="stable")
        words = self.vocabulary.words()
        if not self.config.half_life:
            counts = counts.round().astype(np.int64)
        vectors = self.vectors()[order]
        if self.subwords is not None:
            ngrams = self.subwords.vectors[: len(self.subwords), : self.embeddings.vector_size]
            emphasis = state.image_of(self).emphasis(
                np.ascontiguousarray(ngrams), order.astype(np.int32)
            )
            vectors = next(emphasis.blocks([vectors]))
        return WordVectors.from_arrays(
            [words[row] for row in order.tolist()], vectors, counts[order]
        )

    def vectors(self) -> NDArray[np.float32]:
        """float32[V, vector_size]: the vector of each row as a snapshot taken now would have it.

        These are the vectors that are trained. With subwords, :attr:`wv` and readers of a snapshot
        get them with the n-grams of each word added.
        """
        vectors = self.embeddings.vectors.copy()
        if self.averages is not None:
            rows, published = self.averages.published()
            vectors[rows] = published
        return vectors

    def change_scores(self) -> NDArray[np.float32]:
        """float32[V]: how much each row is changing; about 1 if it is not, nan if not known.

        See :mod:`w2v_online.learning.publishing`. Nothing is known of rows with few updates, and
        of a model without averaging.
        """
        scores = np.full(len(self.embeddings), np.nan, np.float32)
        if self.averages is not None:
            rows = self.averages.rows
            scores[rows] = self.averages.scores(rows)
        return scores

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
        return cls.of_snapshot(reader.read_whole(Path(path)), config, tokenizer=tokenizer)

    @classmethod
    def of_snapshot(
        cls,
        saved: reader.Snapshot,
        config: LearnerConfig | None = None,
        *,
        tokenizer: str | None = None,
    ) -> OnlineWord2Vec:
        """The same of an open snapshot, which may lack the text that replay keeps."""
        saved.verify()
        saved_config, saved_tokenizer = state.saved_options(saved)
        config = config or saved_config
        state.check_continues(saved, config, tokenizer)
        try:
            model = cls(config, tokenizer=saved_tokenizer)
            state.take_over(model, saved)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise SnapshotError(
                f"{saved.path} cannot be continued: its state lacks or garbles {error}"
            ) from error
        return model


def _check_utf8(text: bytes | bytearray) -> None:
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the text is not UTF-8 at byte {error.start}; decode it with errors='replace' first"
        ) from error


def _check_words(words: Iterable[str]) -> None:
    if isinstance(words, str | bytes):
        raise TypeError(f"expected a list of words, not {words!r}; put it into a list")
