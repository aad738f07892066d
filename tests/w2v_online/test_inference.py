"""Vectors inferred from the spelling of words: by n-grams, learned or fitted, and words alike."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from streamer.cli import main
from tests.w2v_online.snapshots import flip_a_bit
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.errors import SnapshotError, UnknownWordError
from w2v_online.reading import fitted
from w2v_online.reading.subwords import SubwordTable, ngram_buckets
from w2v_online.snapshots import reader
from w2v_online.subwords.word_ngrams import WordNgrams

_STEMS = ["kitten", "engine", "harbour", "violin", "pepper", "glacier", "lantern", "monarch"]
_ENDINGS = ["", "s", "like", "ish", "less", "ful", "ward", "ling", "dom", "ship"]
_WORDS = [stem + ending for stem in _STEMS for ending in _ENDINGS]


def _vectors() -> NDArray[np.float32]:
    """Each word's is that of its stem, with a little noise."""
    rng = np.random.default_rng(3)
    stems = rng.standard_normal((len(_STEMS), 16))
    noise = 0.2 * rng.standard_normal((len(_WORDS), 16))
    return (np.repeat(stems, len(_ENDINGS), axis=0) + noise).astype(np.float32)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _snapshot(tmp_path: Path, *, subwords: bool) -> Path:
    model = OnlineWord2Vec(LearnerConfig(vector_size=16, subwords=subwords, min_count=1, sample=0))
    model.adopt(_WORDS, _vectors())
    model.learn_text("".join(f"{word}\n" for word in _WORDS).encode())
    model.snapshot(tmp_path / "s")
    return tmp_path / "s"


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("has_sums", [True, False])
@pytest.mark.parametrize("name", ["subword_vectors.npy", "subword_buckets.npy"])
def test_damaged_ngrams_infer_nothing(tmp_path: Path, name: str, has_sums: bool) -> None:
    """Snapshots of before have no sums of these files; their checksums are compared then."""
    wv = load_vectors(_snapshot(tmp_path, subwords=True))
    if not has_sums:
        del wv.manifest["files"][name]["first_sum"]
    flip_a_bit(wv.path / name)
    with pytest.raises(SnapshotError, match=f"{name} is damaged"):
        wv.infer("walkings")


@pytest.mark.parametrize(("key", "value"), [("bucket", 1), ("bucket", 10**12), ("min_n", 50)])
def test_a_manifest_that_does_not_fit_its_ngrams_infers_nothing(
    tmp_path: Path, key: str, value: int
) -> None:
    wv = load_vectors(_snapshot(tmp_path, subwords=True))
    wv.manifest["config"][key] = value
    with pytest.raises(SnapshotError, match="n-grams do not fit"):
        wv.infer("walkings")


def test_without_learned_ngrams_infer_fits_them_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """To the snapshot's vectors, with progress; the result is kept in the cache."""
    folder = _snapshot(tmp_path, subwords=False)
    wv = load_vectors(folder)
    shares: list[float] = []
    assert not wv.has_subwords
    wv.prepare_infer(shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert wv.most_similar(wv.infer("kittenhood"), topn=1)[0][0].startswith("kitten")
    again = load_vectors(folder)
    again.prepare_infer(lambda share: pytest.fail(f"fitted again: {share}"))
    np.testing.assert_array_equal(again.infer("kittenhood"), wv.infer("kittenhood"))
    # What is damaged in the cache is fitted again, with a warning.
    (file,) = (tmp_path / "cache" / "w2v-stream" / "ngrams").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    damaged = load_vectors(folder)
    np.testing.assert_array_equal(damaged.infer("kittenhood"), wv.infer("kittenhood"))
    assert "damaged" in caplog.text


def test_a_cache_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Vectors are inferred all the same."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert load_vectors(_snapshot(tmp_path, subwords=False)).infer("kittenhood").any()
    assert "cannot be written" in caplog.text


def test_the_cache_keeps_the_newest_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon's snapshots do not fill the disk."""
    monkeypatch.setattr(fitted, "_KEPT", 2)
    folder = _snapshot(tmp_path, subwords=False)
    for n in range(4):
        model = OnlineWord2Vec.restore(reader.read(folder).path)
        model.learn_text(f"{' '.join(_WORDS[n:])}\n".encode())
        model.snapshot(folder)
        load_vectors(folder).prepare_infer()
    kept = list((tmp_path / "cache" / "w2v-stream" / "ngrams").iterdir())
    assert len(kept) == 2
    assert fitted.cached_at(reader.read(folder).path, reader.read(folder).manifest) in kept


def test_vectors_in_memory_are_fitted_without_a_cache(tmp_path: Path) -> None:
    """Threads that ask at the same time wait for one fit."""
    wv = WordVectors.from_arrays(_WORDS, _vectors())
    found: list[NDArray[np.float32]] = []
    threads = [
        threading.Thread(target=lambda: found.append(wv.infer("pepperhood"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(vector, found[0]) for vector in found)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("subwords", [True, False])
def test_a_refresh_makes_ready_what_infers(tmp_path: Path, subwords: bool) -> None:
    """The next word that is inferred waits for no fit, and reads no snapshot that has gone."""
    folder = _snapshot(tmp_path, subwords=subwords)
    wv = load_vectors(folder)
    wv.infer("kiten")
    model = OnlineWord2Vec.restore(wv.path)
    model.learn_text(b"kitten engine\n")
    model.snapshot(folder)
    assert wv.refresh()
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert wv.infer("kiten").any()
    assert not (tmp_path / "cache").exists()


def test_a_misspelled_word_gets_the_vector_of_the_right_one(tmp_path: Path) -> None:
    """n-grams alone would be nearer to other words."""
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefghij"), 7)) for _ in range(400)]
    vectors = rng.standard_normal((400, 16)).astype(np.float32)
    wv = WordVectors.from_arrays(list(dict.fromkeys(words)), vectors[: len(set(words))])
    right = 0
    for word in wv.words[:50]:
        typo = word[:3] + "z" + word[4:]
        right += wv.most_similar(wv.infer(typo), topn=1)[0][0] == word
    assert right >= 48


def test_infer_of_a_known_word_counts_its_occurrences() -> None:
    """A rare word's vector is drawn towards its n-grams, a frequent one's is not."""
    counts = np.full(len(_WORDS), 1)
    counts[0] = 1_000_000
    wv = WordVectors.from_arrays(_WORDS, _vectors(), counts)
    assert _cosine(wv.infer(_WORDS[0]), wv[_WORDS[0]]) > 0.9999
    wv.prepare_infer()
    assert _cosine(wv.infer(_WORDS[1]), wv[_WORDS[1]]) < 0.999


@pytest.mark.parametrize("subwords", [True, False])
def test_unknown_words_get_a_vector_wherever_one_is_asked_for(
    tmp_path: Path, subwords: bool
) -> None:
    """If they were loaded so; ``in`` tells them apart."""
    folder = _snapshot(tmp_path, subwords=subwords)
    plain, wv = load_vectors(folder), load_vectors(folder, unknown="infer")
    word = "violinhood"
    vector = wv.infer(word)
    with pytest.raises(UnknownWordError):
        plain[word]
    assert word not in wv
    np.testing.assert_array_equal(wv[word], vector)
    np.testing.assert_array_equal(wv[[word, "violin"]][0], vector)
    np.testing.assert_allclose(wv.get_vector(word, norm=True) @ vector, np.linalg.norm(vector))
    np.testing.assert_array_equal(wv.vectors_for([word])[0], vector)
    assert wv.similarity(word, "violin") == pytest.approx(_cosine(vector, wv["violin"]))
    nearest = [near for near, _ in wv.most_similar(vector, topn=3)]
    assert [near for near, _ in wv.most_similar(word, topn=3)] == nearest
    assert [near for near, _ in wv.most_similar_batch([word, "violin"], 3)[0]] == nearest
    np.testing.assert_array_equal(wv.embed([word]), vector)
    assert plain.embed([word]).tolist() == [0] * 16
    all_words = wv.vectors_for_all([word, "violin"], copy_vecattrs=True)
    assert list(all_words.words) == [word, "violin"]
    assert all_words.counts[0] == 0
    assert list(wv.vectors_for_all([word, "violin"], allow_inference=False).words) == ["violin"]
    assert wv.doesnt_match(["violins", word, "pepper"]) == "pepper"
    with pytest.raises(UnknownWordError):
        wv[10_000]
    with pytest.raises(UnknownWordError):
        wv["\u0416"]


def test_lines_count_inferred_tokens(tmp_path: Path) -> None:
    """embed_lines is embed of each line's tokens, inferred ones too."""
    wv = load_vectors(_snapshot(tmp_path, subwords=True), unknown="infer")
    lines = ["violin pepperhood", "violinhood violinhood", "", "\u0416", "pepper"]
    embedded = wv.lines.embed([line.encode() for line in lines])
    assert embedded.tokens.tolist() == [2, 2, 0, 1, 1]
    assert embedded.known_tokens.tolist() == [1, 0, 0, 0, 1]
    assert embedded.inferred_tokens.tolist() == [1, 2, 0, 0, 0]
    expected = [wv.embed(line.split()) for line in lines]
    np.testing.assert_allclose(embedded.vectors, expected, rtol=1e-5, atol=1e-6)


def test_neighbors_and_embed_infer_if_asked(tmp_path: Path) -> None:
    """Without --subwords too; that vectors are inferred is said."""
    folder = str(_snapshot(tmp_path, subwords=False))
    runner = CliRunner()
    refused = runner.invoke(main, ["neighbors", folder, "violinhood"])
    assert refused.exit_code == 1
    shown = runner.invoke(main, ["neighbors", folder, "violinhood", "--infer", "--topn", "1"])
    assert shown.exit_code == 0, shown.output
    assert "inferred from its spelling" in shown.stderr
    assert "violin" in shown.stdout
    lines = tmp_path / "lines"
    lines.write_text("violinhood pepper\n")
    output = ["--output", str(tmp_path / "v.npy")]
    embedded = runner.invoke(main, ["embed", folder, str(lines), *output, "--infer"])
    assert embedded.exit_code == 0, embedded.output
    assert "50.00% inferred from their spelling" in embedded.stderr
    expected = load_vectors(folder, unknown="infer").embed(["violinhood", "pepper"])
    np.testing.assert_allclose(np.load(tmp_path / "v.npy")[0], expected, rtol=1e-5)


def test_unknown_takes_two_values(tmp_path: Path) -> None:
    """Others are an error at once."""
    with pytest.raises(ValueError, match="unknown"):
        load_vectors(tmp_path, unknown="zeros")  # type: ignore[arg-type]


def test_means_of_words_are_those_of_the_table() -> None:
    """The kernels and the reader find the same n-grams, bytes that are not UTF-8 too."""
    words = [*_WORDS, "na\u00efve", "\u56fd\u738b", "x" * 70, "\udcff\udcfe"]
    ngrams = WordNgrams.of(words, (3, 6, 5_000))
    vectors = np.random.default_rng(0).standard_normal((5_000, 8)).astype(np.float32)
    means, sizes = ngrams.means(vectors)
    table = SubwordTable(vectors[: len(ngrams.buckets)], ngrams.buckets, (3, 6, 5_000))
    for word, mean, size in zip(words, means, sizes.tolist(), strict=True):
        assert size == len(ngram_buckets(word, 3, 6, 5_000))
        np.testing.assert_allclose(mean, table.vector(word), rtol=1e-4, atol=1e-5)
