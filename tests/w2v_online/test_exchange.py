"""What several learners make of one stream together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning import vocabulary
from w2v_online.sharing.exchange import Exchange, merged_share
from w2v_online.sharing.merge import EpochError, MergedRows
from w2v_online.sharing.update import Update

SMALL = {"vector_size": 8, "min_count": 2, "negative": 2, "max_vocab_size": 3000}


class Cluster:
    """Some learners and shards, and what a driver would do with them."""

    def __init__(
        self, workers: int, shards: int, start: Path | None = None, **options: object
    ) -> None:
        config = LearnerConfig.model_validate(SMALL | options)
        self.learners = [
            OnlineWord2Vec(config) if start is None else OnlineWord2Vec.restore(start)
            for _ in range(workers)
        ]
        self.exchanges = [Exchange(learner, shards, workers) for learner in self.learners]
        self.shards = [MergedRows(config, workers, shards) for _ in range(shards)]
        if start is not None:
            for shard, whole in zip(self.shards, self.exchanges[0].whole(), strict=True):
                shard.load(whole)
        self.sequence = 0
        self.rounding: dict[tuple[str, int, int, bytes], float] = {}
        """How far a value may be from what was last to be sent of a worker's matrix and word."""

    def _note_rounding(self, way: str, worker: int, update: Update) -> None:
        for matrix, changes in enumerate((update.vectors, update.output_vectors)):
            is_exact = changes.vectors.dtype == np.float32
            for word, unit in zip(changes.words.splitlines(), changes.units, strict=True):
                self.rounding[way, worker, matrix, word] = 0.0 if is_exact else float(unit) / 2

    def push(self, worker: int, *, everything: bool = False, times: int = 1) -> None:
        """Let a worker take, and its shards merge."""
        self.sequence += 1
        for shard, update in zip(
            self.shards, self.exchanges[worker].take(everything=everything), strict=True
        ):
            self._note_rounding("pushed", worker, update)
            answers = [shard.push(worker, 0, self.sequence, update) for _ in range(times)]
            assert answers == [True] + [False] * (times - 1)

    def pull(self, worker: int, *, everything: bool = False) -> None:
        """Let a worker apply what the shards have for it."""
        answers = [shard.pull(worker, 0, everything=everything) for shard in self.shards]
        for answer in answers:
            self._note_rounding("told", worker, answer)
        self.exchanges[worker].apply(answers)

    def exchange(self, worker: int, *, times: int = 1) -> None:
        self.push(worker, times=times)
        self.pull(worker)

    def agree(self) -> None:
        """A barrier: all push everything, then all pull everything."""
        for worker in range(len(self.learners)):
            self.push(worker, everything=True)
        for worker in range(len(self.learners)):
            self.pull(worker, everything=True)

    def assert_agreed(self) -> None:
        """Vectors are as near as rounding leaves them: half a unit, each time they were sent."""
        first = _rows(self.learners[0])
        for worker, learner in enumerate(self.learners[1:], 1):
            rows = _rows(learner)
            assert rows.keys() == first.keys()
            for word, (inputs, outputs, *updates) in rows.items():
                for matrix, vector in enumerate((inputs, outputs)):
                    room = sum(
                        self.rounding.get((way, one, matrix, word.encode()), 0.0)
                        for way in ("pushed", "told")
                        for one in (0, worker)
                    )
                    assert np.abs(vector - first[word][matrix]).max() <= room + 1e-5
                assert updates == list(first[word][2:])


def _rows(learner: OnlineWord2Vec) -> dict[str, tuple]:
    """Both vectors and update counts of every word."""
    matrices = learner.embeddings.matrices
    return {
        word: (
            matrices.syn0[row],
            matrices.syn1[row],
            int(matrices.updates0[row]),
            int(matrices.updates1[row]),
        )
        for row, word in enumerate(learner.vocabulary.words())
    }


def _counts(learner: OnlineWord2Vec) -> Counter[str]:
    words = learner.vocabulary
    counts = Counter(dict(zip(words.words(), map(int, words.counts), strict=True)))
    counts.update({word.decode(): int(count) for word, count in words.candidate_counts()})
    return counts


def _zipf(seed: int, distinct: int, words: int) -> list[str]:
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, distinct + 1)
    return [f"w{i}" for i in rng.choice(distinct, words, p=shares / shares.sum())]


def _sentences(words: Sequence[str], size: int = 20) -> list[list[str]]:
    return [list(words[first : first + size]) for first in range(0, len(words), size)]


@pytest.mark.parametrize(("workers", "shards"), [(2, 1), (3, 2), (4, 5)])
def test_all_learners_end_with_the_counts_of_the_whole_stream(workers: int, shards: int) -> None:
    """Each reads its own part and exchanges at moments of its own; then a barrier."""
    stream = [*_zipf(1, 900, 12_000), "long" * 20]
    cluster = Cluster(workers, shards)
    rng = np.random.default_rng(2)
    for part in _sentences(_sentences(stream), 30):
        worker = int(rng.integers(workers))
        cluster.learners[worker].learn(part)
        cluster.exchange(worker)
    cluster.agree()
    true = Counter(stream[:-1])
    for learner in cluster.learners:
        assert _counts(learner) == true
        assert learner.total_words == len(stream)
        assert learner.vocabulary.dropped_tokens == 1
        assert learner.vocabulary.total_records == len(_sentences(stream))
        assert set(learner.vocabulary.words()) == {word for word, n in true.items() if n >= 2}
        assert learner.vocabulary.max_missed == 0
    cluster.assert_agreed()


def test_a_repeated_push_changes_nothing() -> None:
    """A shard that has seen a sequence says so and leaves everything as it is."""
    once, thrice = Cluster(2, 2), Cluster(2, 2)
    for cluster, times in ((once, 1), (thrice, 3)):
        for part in _sentences(_sentences(_zipf(3, 200, 4000)), 20):
            for worker in range(2):
                cluster.learners[worker].learn(part)
                cluster.exchange(worker, times=times)
        cluster.agree()
    for one, other in zip(once.learners, thrice.learners, strict=True):
        assert _counts(one) == _counts(other)
        assert np.array_equal(one.embeddings.vectors, other.embeddings.vectors)


def test_another_epoch_is_refused() -> None:
    """Whoever comes from before a failure changes nothing and learns nothing."""
    cluster = Cluster(1, 1)
    cluster.learners[0].learn([["a", "b", "a", "b"]])
    (update,) = cluster.exchanges[0].take()
    for call in (
        lambda: cluster.shards[0].push(0, 1, 1, update),
        lambda: cluster.shards[0].pull(0, 1),
    ):
        with pytest.raises(EpochError, match="epoch 1"):
            call()
    assert cluster.shards[0].push(0, 0, 1, update)


def test_exchanging_alone_leaves_a_learner_as_it_is() -> None:
    """With one worker it is bit for bit the learner that never exchanged anything."""
    stream = _sentences(_sentences(_zipf(4, 500, 20_000)), 40)
    alone, cluster = OnlineWord2Vec(LearnerConfig.model_validate(SMALL)), Cluster(1, 3)
    for part in stream:
        alone.learn(part)
        cluster.learners[0].learn(part)
        cluster.exchange(0)
    cluster.agree()
    one = cluster.learners[0]
    assert one.vocabulary.words() == alone.vocabulary.words()
    for mine, its in zip(one.embeddings.matrices, alone.embeddings.matrices, strict=True):
        assert np.array_equal(mine, its)
    assert np.array_equal(one.vectors(), alone.vectors())


def test_what_was_learned_under_way_is_kept() -> None:
    """Between taking and applying a learner goes on; nothing of that is lost or told twice.

    Each of two learns at more than its rates, and a share of it is merged.
    """
    cluster = Cluster(2, 1)
    text = [["a", "b", "c", "d"] * 5] * 20
    for learner in cluster.learners:
        learner.learn(text)
    cluster.agree()
    begin = _rows(cluster.learners[0])["a"][0].copy()
    learned = np.zeros_like(begin)
    for is_pushing in (True, False):
        for worker, learner in enumerate(cluster.learners):
            before = _rows(learner)["a"][0].copy()
            learner.learn(text)
            learned += _rows(learner)["a"][0] - before
            if is_pushing:
                cluster.push(worker)
            else:
                cluster.pull(worker)
    cluster.agree()
    total = _rows(cluster.learners[0])["a"][0] - begin
    merged = merged_share(2) * learned
    np.testing.assert_allclose(total, merged, atol=0.02 * np.abs(learned).max())
    cluster.assert_agreed()


def test_many_learners_of_the_same_words_do_not_overshoot() -> None:
    """Each of six goes all the way for frequent words between two exchanges; the model stays."""
    alone, cluster = Cluster(1, 1), Cluster(6, 1)
    for turn in range(12):
        for worker, learner in enumerate(cluster.learners):
            text = _sentences(_zipf(100 * turn + worker, 60, 4000))
            learner.learn(text)
            alone.learners[0].learn(text)
        for worker in range(6):
            cluster.exchange(worker)
    cluster.agree()
    for matrix in ("syn0", "syn1"):
        norms = [
            np.linalg.norm(getattr(one.learners[0].embeddings.matrices, matrix), axis=1).max()
            for one in (alone, cluster)
        ]
        assert norms[1] < 3 * norms[0]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 8, 100])
def test_what_workers_correct_at_once_dies_out(workers: int) -> None:
    """A row that all bring home from where they last saw it comes home; half as much again: no."""
    share = merged_share(workers)

    def distance(share: float) -> float:
        path = [1.0] * workers
        for _ in range(100 * workers):
            path.append(path[-1] - share * path[-workers])
        return float(np.abs(path[-2 * workers :]).max())

    assert distance(share) < 1e-3
    assert workers == 1 or distance(1.5 * share) > 1.0


@pytest.mark.parametrize("interval", [6, 18, 60])
def test_vectors_are_averaged_over_as_much_text_as_one_learners(interval: int) -> None:
    """What the others read ends segments as what it reads itself does; intervals in sentences."""
    stream = _sentences(_zipf(9, 500, 60_000))
    one, cluster = Cluster(1, 1), Cluster(2, 1)
    visits: list[list[int]] = []
    for first in range(0, len(stream), interval):
        worker = first // interval % 2
        part = stream[first : first + interval]
        one.learners[0].learn(part)
        cluster.learners[worker].learn(part)
        cluster.exchange(worker)
        averages = [learner.averages for learner in (one.learners[0], cluster.learners[0])]
        visits.append([made.visits for made in averages if made is not None])
    # Segments of the first few words are shorter than a record.
    alone, together = np.subtract(visits[-1], visits[len(visits) // 3])
    assert together == pytest.approx(alone, rel=0.1)


def test_exchanges_come_sooner_while_little_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of what was read, a thousand words at least, and never more than is asked for."""
    cluster = Cluster(2, 1)
    assert cluster.exchanges[0].interval(50_000) == 1000
    cluster.learners[0].learn(_sentences(_zipf(7, 50, 512_000), 1000))
    assert cluster.exchanges[0].interval(50_000) == 2000
    assert cluster.exchanges[0].interval(1500) == 1500
    many = Exchange(cluster.learners[0], workers=8)
    assert many.interval(50_000) == 1000
    many.share_among(1)
    assert many.interval(50_000) == 50_000
    for total_words, interval in (
        (32 * 10**6, 125_000),
        (64 * 10**6, 333_333),
        (10**10, 4 * 10**6),
    ):
        monkeypatch.setattr(OnlineWord2Vec, "total_words", total_words)
        assert cluster.exchanges[0].interval(4_000_000) == interval


def test_averages_of_one_who_reads_nothing_follow_what_the_others_learn() -> None:
    """Worker 0's are published, whoever has the text."""
    cluster = Cluster(2, 1)
    for part in range(20):
        cluster.learners[1].learn(_sentences(_zipf(part, 300, 6000)))
        cluster.exchange(1)
        cluster.exchange(0)
    cluster.agree()
    model = cluster.learners[0]
    assert model.averages is not None
    rows = np.flatnonzero(model.averages.averaged[: len(model.embeddings)])
    assert len(rows) > 200
    away = np.linalg.norm(model.vectors()[rows] - model.embeddings.vectors[rows], axis=1)
    began = np.linalg.norm(model.embeddings.vectors[rows], axis=1)
    assert np.median(away / began) < 0.5


def test_one_learner_alone_learns_as_without_others() -> None:
    """The same bytes, averages included, until others join it."""
    text = [_sentences(_zipf(part, 300, 6000)) for part in range(4)]
    alone = OnlineWord2Vec(LearnerConfig.model_validate(SMALL))
    cluster = Cluster(2, 1)
    for exchange in cluster.exchanges:
        exchange.share_among(1)
    for part in text:
        alone.learn(part)
        cluster.learners[0].learn(part)
        cluster.push(0)
    assert cluster.learners[0].vectors().tobytes() == alone.vectors().tobytes()
    cluster.agree()
    for exchange in cluster.exchanges:
        exchange.share_among(2)
    cluster.learners[1].learn(text[0])
    cluster.agree()
    cluster.assert_agreed()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4000), st.booleans()), max_size=60),
    st.integers(0, 2**32),
)
def test_bounds_hold_when_words_are_forgotten_before_they_are_told(
    steps: list[tuple[int, int, bool]], seed: int
) -> None:
    """More words than room: no count is too high, and none misses more than its error says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "MIN_CANDIDATES", 200)
        cluster = Cluster(3, 2, max_vocab_size=60)
        true: Counter[str] = Counter()
        for number, (worker, words, is_exchanging) in enumerate(steps):
            text = _zipf(seed + number, 3000, words)
            true.update(text)
            cluster.learners[worker].learn(_sentences(text))
            if is_exchanging:
                cluster.exchange(worker)
        cluster.agree()
    for learner in cluster.learners:
        words = learner.vocabulary
        held = _counts(learner)
        assert learner.total_words == true.total()
        assert len(words) <= 60
        for word, count in true.items():
            error = words.max_missed
            if word in held:
                error = float(words.arrays.errors[words.entry(word)])
            assert held[word] <= count <= held[word] + error


def test_shards_know_that_a_word_is_more_frequent_than_increments_can_say() -> None:
    """What begins with a learner of a long stream must not take its most frequent word's row."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1))
    learner.learn([["the", "rare"]])
    learner.vocabulary.arrays.counts[:2] = 2.0**32 + 3.0, 5.0
    (update,) = Exchange(learner).whole()
    assert update.counts.words == b"the\nrare\n"
    np.testing.assert_array_equal(update.counts.increments, [2**32 - 1, 5])


def test_evicted_words_come_back_whole() -> None:
    """Rows change hands between exchanges: what is merged is still the word's own vector."""
    cluster = Cluster(2, 1, max_vocab_size=30)
    rng = np.random.default_rng(5)
    for turn in range(60):
        topic = turn // 15 * 25
        for worker, learner in enumerate(cluster.learners):
            learner.learn([[f"w{topic + i}" for i in rng.integers(25, size=20)] for _ in range(15)])
            cluster.exchange(worker)
    assert all(learner.evicted_words > 0 for learner in cluster.learners)
    cluster.agree()
    cluster.agree()  # what a shard did not know at the first it was sent whole at the second
    one, other = (_rows(learner) for learner in cluster.learners)
    common = one.keys() & other.keys()
    assert len(common) > 20
    for word in common:
        assert (
            np.abs(one[word][0] - other[word][0]).max() <= 1e-3 + 0.02 * np.abs(one[word][0]).max()
        )


@pytest.mark.parametrize("workers", [1, 3])
def test_a_snapshot_of_the_merged_model_goes_on_with_any_number_of_workers(
    workers: int, tmp_path: Path
) -> None:
    """Whoever starts from it has all that all of them learned, and tells only what is new."""
    stream = _zipf(6, 400, 9000)
    two = Cluster(2, 2)
    for part in _sentences(_sentences(stream[:6000]), 25):
        for worker, sentences in enumerate((part[::2], part[1::2])):
            two.learners[worker].learn(sentences)
            two.exchange(worker)
    two.agree()
    path = two.learners[0].snapshot(tmp_path)
    restored = Cluster(workers, 3, start=path)
    for learner in restored.learners:
        assert _counts(learner) == Counter(stream[:6000])
        for word, (inputs, *_) in _rows(learner).items():
            assert np.array_equal(inputs, _rows(two.learners[0])[word][0])
    for number, part in enumerate(_sentences(_sentences(stream[6000:]), 10)):
        restored.learners[number % workers].learn(part)
        restored.exchange(number % workers)
    restored.agree()
    for learner in restored.learners:
        assert _counts(learner) == Counter(stream)
    restored.assert_agreed()


@pytest.mark.parametrize("options", [{"loss": "hs"}, {"loss": "softmax"}, {"half_life": 1000}])
def test_what_cannot_be_merged_by_word_is_refused(options: dict[str, object]) -> None:
    """Inner nodes belong to no word, and counts that fade to no moment."""
    learner = OnlineWord2Vec(LearnerConfig.model_validate(SMALL | options))
    with pytest.raises(ValueError, match=r"share a model|cannot be merged"):
        Exchange(learner)
