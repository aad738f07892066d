"""Subwords: n-grams are fastText's, new words start from them, and all guarantees hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from streamer.cli import main
from tests.w2v_online.texts import zipf_text
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotMismatchError
from w2v_online.kernels.subwords import find_ngrams
from w2v_online.learning.saving.background import BackgroundSnapshot
from w2v_online.reading.subwords import ngram_buckets
from w2v_online.snapshots.reader import PUBLISHED_NORMS, PUBLISHED_VECTORS, read
from w2v_online.snapshots.writer import encode_manifest
from w2v_online.subwords.emphasis import WEIGHT

_CONFIG = LearnerConfig(
    vector_size=16, min_count=2, max_vocab_size=300, sample=0, subwords=True, bucket=5_000
)
_TEXT = zipf_text(60_000, 400)


def _learned(config: LearnerConfig, text: bytes = _TEXT, step: int = 1 << 16) -> OnlineWord2Vec:
    model = OnlineWord2Vec(config)
    for begin in range(0, len(text), step):
        end = begin + step
        # Whole lines, as sources hand them over.
        first = text.rfind(b"\n", 0, begin) + 1
        last = len(text) if end >= len(text) else text.rfind(b"\n", 0, end) + 1
        model.learn_text(text[first:last])
    return model


def _cut(model: OnlineWord2Vec, folder: Path) -> BackgroundSnapshot:
    """A snapshot of this moment that is being written."""
    snapshot = model.begin_snapshot(folder)
    while not snapshot.is_ready():
        pass
    snapshot.cut()
    return snapshot


def _result(snapshot: BackgroundSnapshot) -> Path:
    while (path := snapshot.result()) is None:
        pass
    return path


def _files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.npy")}


@pytest.mark.parametrize("word", ["where", "a", "naïve", "国王", "x" * 40, "été🎉"])
def test_ngrams_are_those_of_fasttext(word: str) -> None:
    """Of <word>, in characters, hashed over bytes that are signed: a plain reference agrees."""

    def fnv(data: bytes) -> int:
        value = 2166136261
        for byte in data:
            value = ((value ^ (byte | (0xFFFFFF00 if byte > 127 else 0))) * 16777619) % 2**32
        return value

    marked = f"<{word}>"
    expected = [
        fnv(marked[i : i + n].encode()) % 5_000
        for i in range(len(marked))
        for n in range(3, 7)
        if i + n <= len(marked)
    ]
    assert ngram_buckets(word, 3, 6, 5_000) == expected
    model = OnlineWord2Vec(_CONFIG)
    row = model.vocabulary.enter([word.encode()])
    slots, buckets = np.zeros(5_000, np.int32), np.zeros(5_000, np.int32)
    used, found, ends = np.zeros(1, np.int64), np.zeros(1_000, np.int32), np.zeros(1, np.int64)
    arrays = model.vocabulary.arrays
    find_ngrams(arrays.arena, arrays.starts, row, 0, 3, 6, slots, buckets, used, found, ends)
    assert buckets[found[: ends[0]]].tolist() == expected
    assert used[0] == len(set(expected))


def test_the_mean_of_a_words_ngrams_comes_to_its_vector() -> None:
    """So an unknown word gets the vector of words that are spelled like it."""
    rng = np.random.default_rng(1)
    one, other = [f"kitten{s}" for s in "abcdef"], [f"engine{s}" for s in "abcdef"]
    lines = []
    for _ in range(4_000):
        group, about = (one, "soft furry") if rng.random() < 0.5 else (other, "steel oil")
        lines.append(f"{rng.choice(group)} {about} {rng.choice(group)}")
    model = _learned(_CONFIG, "\n".join(lines).encode() + b"\n")
    vectors = {w: model.vectors()[model.vocabulary.entry(w)] for w in [*one, *other]}
    known = model.subwords
    assert known is not None
    slot = {int(bucket): i for i, bucket in enumerate(known.buckets)}

    def inferred(word: str) -> np.ndarray:
        rows = [slot[b] for b in ngram_buckets(word, 3, 6, 5_000) if b in slot]
        return known.vectors[rows, :16].sum(axis=0) / len(ngram_buckets(word, 3, 6, 5_000))

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(inferred("kittenz"), vectors["kittena"]) > 0.8
    assert cosine(inferred("kittenz"), vectors["kittena"]) > 0.3 + cosine(
        inferred("kittenz"), vectors["enginea"]
    )


def test_batches_do_not_matter(tmp_path: Path) -> None:
    """The same records in other batches give the same bytes."""
    whole = _learned(_CONFIG).snapshot(tmp_path / "a")
    pieces = _learned(_CONFIG, step=997).snapshot(tmp_path / "b")
    assert _files(whole) == _files(pieces)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_resumed_run_gives_the_same_bytes(tmp_path: Path, loss: str) -> None:
    """With evictions on the way, and a snapshot in the background."""
    config = _CONFIG.model_copy(update={"max_vocab_size": 150, "loss": loss})
    half = _TEXT.rfind(b"\n", 0, len(_TEXT) // 2) + 1
    first = _learned(config, _TEXT[:half])
    assert first.evicted_words > 0
    background = _cut(first, tmp_path / "s")
    first.learn_text(_TEXT[half:])
    path = _result(background)
    again = OnlineWord2Vec.restore(path)
    again.learn_text(_TEXT[half:])
    expected = _learned(config).snapshot(tmp_path / "whole")
    assert _files(first.snapshot(tmp_path / "live")) == _files(expected)
    assert _files(again.snapshot(tmp_path / "resumed")) == _files(expected)


def test_the_table_of_ngrams_is_bounded() -> None:
    """More n-grams than buckets share rows."""
    config = _CONFIG.model_copy(update={"bucket": 50})
    model = _learned(config)
    assert model.subwords is not None
    assert len(model.subwords) == 50
    assert np.isfinite(model.vectors()).all()
    bigger = OnlineWord2Vec(_CONFIG.model_copy(update={"bucket": 100_000}))
    assert bigger.max_bytes - OnlineWord2Vec(_CONFIG).max_bytes >= 95_000 * 16 * 4


def test_forgetting_keeps_other_words(tmp_path: Path) -> None:
    """A word's own row goes; its n-grams are shared and stay."""
    model = _learned(_CONFIG)
    words = model.vocabulary.words()
    before = len(model.subwords) if model.subwords else 0
    model.forget(words[:5])
    model.learn_text(_TEXT[:2_000])
    assert model.subwords is not None
    assert len(model.subwords) >= before
    model.snapshot(tmp_path)


@pytest.mark.parametrize("is_background", [False, True])
def test_vectors_are_published_with_the_ngrams_of_words(
    tmp_path: Path, is_background: bool
) -> None:
    """Whether the snapshot is written at once or in the background, and of vectors only."""
    model = _learned(_CONFIG)
    path = _result(_cut(model, tmp_path)) if is_background else model.snapshot(tmp_path)
    wv, saved = load_vectors(path, verify=True), read(path)
    assert wv.subwords is not None
    means = np.stack([wv.subwords.vector(word) for word in wv.words])
    expected = saved.vectors + WEIGHT * (means - means.mean(axis=0))
    np.testing.assert_allclose(wv.vectors, expected, atol=1e-5)
    assert np.abs(wv.vectors - saved.vectors).max() > 0.01
    np.testing.assert_allclose(model.wv.vectors, wv.vectors, atol=1e-6)
    lengths = np.linalg.norm(expected, axis=1)
    np.testing.assert_allclose(1 / wv.table.inverse_norms, lengths, rtol=1e-4)
    assert np.array_equal(
        load_vectors(model.snapshot(tmp_path, vectors_only=True)).vectors, wv.vectors
    )


def test_a_model_of_no_words_has_none_to_publish(tmp_path: Path) -> None:
    model = OnlineWord2Vec(_CONFIG)
    assert len(load_vectors(model.snapshot(tmp_path))) == len(model.wv) == 0


def test_predictions_are_made_by_the_vectors_that_were_trained(tmp_path: Path) -> None:
    """The same as with a snapshot that has no others, as older ones."""
    model = _learned(_CONFIG)
    path = model.snapshot(tmp_path)
    found = load_vectors(path).predict(["w1", "w5"])
    manifest = json.loads((path / "manifest.json").read_text())
    for name in (PUBLISHED_VECTORS, PUBLISHED_NORMS):
        del manifest["files"][name]
    del manifest["manifest_sha256"]
    (path / "manifest.json").write_bytes(encode_manifest(manifest))
    before = load_vectors(path)
    assert np.array_equal(before.vectors, read(path).vectors)
    assert before.predict(["w1", "w5"]) == found


def test_readers_infer_words_without_a_vector(tmp_path: Path) -> None:
    """From a snapshot of a learner and from one of vectors only; known words too, if asked."""
    model = _learned(_CONFIG)
    for vectors_only in (False, True):
        model.snapshot(tmp_path, vectors_only=vectors_only)
        wv = load_vectors(tmp_path)
        word = wv.words[3]
        assert "qqqqzz" not in wv
        assert wv.infer(word + "x").shape == (16,)
        assert wv.infer(word).any()
        np.testing.assert_array_equal(wv.infer("\u0416"), np.zeros(16, np.float32))


def test_neighbors_of_an_unknown_word_come_from_its_ngrams(tmp_path: Path) -> None:
    """Said on stderr; a word without known n-grams still has none."""
    # So many buckets that no n-gram shares one by chance.
    _learned(_CONFIG.model_copy(update={"bucket": 2_000_000})).snapshot(tmp_path)
    word = load_vectors(tmp_path).words[2]
    runner = CliRunner()
    result = runner.invoke(main, ["neighbors", str(tmp_path), word + "qq", "--topn", "3"])
    assert result.exit_code == 0
    assert "inferred from its spelling" in result.stderr
    assert len(result.stdout.strip().splitlines()) >= 3
    assert runner.invoke(main, ["neighbors", str(tmp_path), "\u0416\u0416"]).exit_code == 1


def test_other_ngrams_cannot_be_gone_on_with(tmp_path: Path) -> None:
    """But --subwords can be turned on and off."""
    path = _learned(_CONFIG, _TEXT[:20_000]).snapshot(tmp_path)
    with pytest.raises(SnapshotMismatchError, match="bucket"):
        OnlineWord2Vec.restore(path, _CONFIG.model_copy(update={"bucket": 77}))
    off = OnlineWord2Vec.restore(path, _CONFIG.model_copy(update={"subwords": False}))
    off.learn_text(_TEXT[:20_000])
    on = OnlineWord2Vec.restore(off.snapshot(tmp_path / "off"), _CONFIG)
    on.learn_text(_TEXT[:20_000])
    assert on.subwords is not None
    assert len(on.subwords) > 0


def test_the_shortest_ngram_is_not_longer_than_the_longest() -> None:
    """Told by the options' names."""
    with pytest.raises(ValidationError, match="min_n"):
        LearnerConfig(min_n=5, max_n=4)
