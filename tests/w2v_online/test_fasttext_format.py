"""fastText's binary models: ours are read by fastText and gensim, theirs are read here."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from streamer.cli import main
from tests.w2v_online.texts import zipf_text
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.analysis import export
from w2v_online.errors import ExportError, FileFormatError

_UNKNOWN = "qualifikationz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with n-grams."""
    config = LearnerConfig(
        vector_size=12, min_count=2, max_vocab_size=300, sample=0, subwords=True, bucket=2_000
    )
    model = OnlineWord2Vec(config)
    model.learn_text(
        zipf_text(20_000, 300) + "na\u00efve \u56fd\u738b \U0001f389 </s>\n".encode() * 3
    )
    folder = tmp_path_factory.mktemp("fasttext") / "s"
    model.snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    """The same as fastText's model."""
    wv = load_vectors(folder)
    path = folder.parent / "model.bin"
    written = export.write(wv.table, "fasttext", path, wv.subwords)
    assert written.words == len(wv)
    return path


def _expected(folder: Path) -> tuple[WordVectors, np.ndarray]:
    wv = load_vectors(folder)
    assert wv.subwords is not None
    return wv, wv.subwords.vector(_UNKNOWN)


def test_gensim_reads_it(folder: Path, file: Path) -> None:
    """Known words have their vectors and counts, unknown ones the mean of their n-grams."""
    fasttext = pytest.importorskip("gensim.models.fasttext")
    wv, unknown = _expected(folder)
    keyed = fasttext.load_facebook_vectors(str(file))
    assert keyed.index_to_key == list(wv.words)
    np.testing.assert_allclose(keyed.vectors, wv.vectors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(keyed[_UNKNOWN], unknown, rtol=1e-4, atol=1e-6)
    assert keyed.get_vecattr(wv.words[0], "count") == wv.counts[0]


def test_fasttext_reads_it(folder: Path, file: Path) -> None:
    """The program itself."""
    fasttext = pytest.importorskip("fasttext")
    wv, unknown = _expected(folder)
    model = fasttext.load_model(str(file))
    assert model.words == list(wv.words)
    theirs = [model.get_word_vector(word) for word in wv.words]
    np.testing.assert_allclose(theirs, wv.vectors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.get_word_vector(_UNKNOWN), unknown, rtol=1e-4, atol=1e-6)
    nearest = [word for word, _ in wv.most_similar(wv.words[5], topn=3)]
    assert [word for _, word in model.get_nearest_neighbors(wv.words[5], k=3)] == nearest


def test_what_was_written_is_read(folder: Path, file: Path) -> None:
    """Words, counts, vectors and what is inferred from n-grams."""
    wv, _ = _expected(folder)
    read = load_vectors(file)
    assert list(read.words) == list(wv.words)
    np.testing.assert_array_equal(read.counts, wv.counts)
    np.testing.assert_allclose(read.vectors, wv.vectors, rtol=1e-4, atol=1e-6)
    assert read.has_subwords
    np.testing.assert_allclose(read.infer(_UNKNOWN), wv.infer(_UNKNOWN), rtol=1e-4, atol=1e-6)


def test_a_model_that_gensim_trained_is_read(tmp_path: Path) -> None:
    """Vectors are the same as gensim's, and n-grams lead to the same unknown words."""
    fasttext = pytest.importorskip("gensim.models.fasttext")
    lines = [line.split() for line in zipf_text(5_000, 120).decode().splitlines()]
    model = fasttext.FastText(
        lines, vector_size=9, min_count=1, epochs=1, bucket=700, min_n=2, max_n=4, workers=1
    )
    fasttext.save_facebook_model(model, str(tmp_path / "theirs.bin"))
    read = load_vectors(tmp_path / "theirs.bin")
    np.testing.assert_allclose(
        read.vectors_for(model.wv.index_to_key), model.wv.vectors, rtol=1e-4, atol=1e-6
    )
    assert read.subwords is not None
    inferred = read.subwords.vector(_UNKNOWN)
    np.testing.assert_allclose(inferred, model.wv[_UNKNOWN], rtol=1e-4, atol=1e-6)
    assert read.get_vecattr("w1", "count") == model.wv.get_vecattr("w1", "count")


def test_a_model_that_fasttext_trained_is_read(tmp_path: Path) -> None:
    """It has </s>, which has no n-grams."""
    fasttext = pytest.importorskip("fasttext")
    (tmp_path / "text").write_bytes(zipf_text(20_000, 120))
    model = fasttext.train_unsupervised(
        str(tmp_path / "text"), minCount=1, dim=10, epoch=1, thread=1, bucket=900, verbose=0
    )
    model.save_model(str(tmp_path / "theirs.bin"))
    read = load_vectors(tmp_path / "theirs.bin")
    assert "</s>" in read
    for word in model.words:
        np.testing.assert_allclose(read[word], model.get_word_vector(word), rtol=1e-4, atol=1e-6)
    assert read.subwords is not None
    np.testing.assert_allclose(
        read.subwords.vector(_UNKNOWN), model.get_word_vector(_UNKNOWN), rtol=1e-4, atol=1e-6
    )


def test_gensim_loads_fasttext_keyed_vectors(folder: Path, tmp_path: Path) -> None:
    """With what gensim adds: vectors of unknown words."""
    fasttext = pytest.importorskip("gensim.models.fasttext")
    wv, unknown = _expected(folder)
    export.write(wv.table, "gensim-fasttext", tmp_path / "kv", wv.subwords)
    keyed = fasttext.FastTextKeyedVectors.load(str(tmp_path / "kv"))
    np.testing.assert_allclose(keyed.vectors, wv.vectors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(keyed[_UNKNOWN], unknown, rtol=1e-4, atol=1e-6)
    assert keyed.get_vecattr(wv.words[0], "count") == wv.counts[0]
    with pytest.raises(ExportError, match="--subwords"):
        export.write(wv.table, "gensim-fasttext", tmp_path / "none", None)


def test_without_ngrams_the_model_has_none(tmp_path: Path) -> None:
    """Counts that are not known are in the order of the words."""
    vectors = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    wv = WordVectors.from_arrays(["b", "a", "nul\0"], vectors)
    written = export.write(wv.table, "fasttext", tmp_path / "m.bin", None)
    assert written.left_out == {"NUL": 1}
    read = load_vectors(tmp_path / "m.bin")
    assert list(read.words) == ["b", "a"]
    assert read.counts.tolist() == [2, 1]
    np.testing.assert_array_equal(read.vectors, vectors[:2])
    assert not read.has_subwords
    fasttext = pytest.importorskip("fasttext")
    model = fasttext.load_model(str(tmp_path / "m.bin"))
    np.testing.assert_array_equal(model.get_word_vector("a"), vectors[1])


def test_commands_take_it(file: Path, tmp_path: Path) -> None:
    """export, --init and neighbors, as any file of vectors."""
    runner = CliRunner()
    target = tmp_path / "out.vec"
    result = runner.invoke(main, ["export", str(file), "--output", str(target)])
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(load_vectors(target).vectors, load_vectors(file).vectors)
    again = tmp_path / "again.bin"
    result = runner.invoke(
        main, ["export", str(file), "--format", "fasttext", "--output", str(again)]
    )
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(
        load_vectors(again).infer(_UNKNOWN), load_vectors(file).infer(_UNKNOWN), rtol=1e-4
    )
    result = runner.invoke(main, ["neighbors", str(file), load_vectors(file).words[2] + "q"])
    assert result.exit_code == 0, result.output
    assert "inferred" in result.stderr


_WORDS_AT = 8 + 56
"""Where the number of entries is."""


def _with(content: bytes, at: int, fields: str, *values: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(fields, changed, at, *values)
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:6], "too early"),
        (lambda c: c[:100], "damaged after|cannot have"),
        (lambda c: c[:-1], "1 bytes too early"),
        (lambda c: c + b"\0", "goes on"),
        (lambda c: _with(c, 4, "<i", 99), "version is 99"),
        (lambda c: _with(c, 8, "<i", 1 << 30), "vectors have"),
        (lambda c: _with(c, 8 + 28, "<i", 3), "classifier"),
        (lambda c: _with(c, 8 + 32, "<i", 1 << 30), "do not fit"),
        (lambda c: _with(c, 8 + 32, "<i", -5), "-5 buckets"),
        (lambda c: _with(c, 8 + 40, "<i", 1 << 30), "letters"),
        (lambda c: _with(c, _WORDS_AT, "<2i", 1 << 30, 1 << 30), "cannot have"),
        (lambda c: _with(c, _WORDS_AT, "<i", 3), "cannot have"),
        (lambda c: _with(c, _WORDS_AT + 20, "<q", 7), "pruned"),
    ],
)
def test_damaged_models_are_refused_by_name(
    file: Path, tmp_path: Path, change: object, message: str
) -> None:
    """Whatever a header claims, before it is allocated."""
    damaged = tmp_path / "damaged.bin"
    damaged.write_bytes(change(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(FileFormatError, match=f"damaged.bin.*({message})"):
        load_vectors(damaged)


def test_any_damage_is_a_format_error_or_other_numbers(file: Path, tmp_path: Path) -> None:
    """Never another exception: 300 single bytes changed, most in the header and dictionary."""
    content = file.read_bytes()
    rng = random.Random(1)
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        changed[rng.randrange(4, rng.choice([130, 4_000, len(content)]))] ^= 1 << rng.randrange(8)
        (tmp_path / "x.bin").write_bytes(changed)
        try:
            load_vectors(tmp_path / "x.bin").infer(_UNKNOWN)
        except FileFormatError:
            refused += 1
    assert refused > 50


def test_numbers_that_are_not_finite_are_refused(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    position = content.index(struct.pack("<?2q", False, 2_000 + len(load_vectors(file)), 12)) + 17
    struct.pack_into("<f", content, position + 400, float("nan"))
    (tmp_path / "nan.bin").write_bytes(content)
    with pytest.raises(FileFormatError, match="not finite"):
        load_vectors(tmp_path / "nan.bin")
