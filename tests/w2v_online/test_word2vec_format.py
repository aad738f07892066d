"""Files of word2vec.c, gensim, fastText and GloVe are read, and ours lose nothing."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests import reference
from w2v_online import WordVectors, load_vectors
from w2v_online.analysis import export
from w2v_online.errors import ExportError, FileFormatError
from w2v_online.reading.word2vec_format import read_word2vec

WORDS = [
    "the",
    "Zürich",
    "北京市",
    "🤦🏽‍♂️",
    "w" * 64,
    "字" * 21 + "x",
    "\u00a0half",
    "3.14",
    "a\tb",
]


@pytest.fixture
def vectors() -> WordVectors:
    """Words of many scripts with vectors of every magnitude, extremes among them."""
    generator = np.random.default_rng(2)
    table = generator.normal(size=(len(WORDS), 7)) * 10.0 ** generator.integers(-20, 20, (9, 7))
    table[0] = [0.0, -0.0, 1e-45, 3.4028235e38, -1.1754944e-38, 1 / 3, 16777217.0]
    counts = np.arange(len(WORDS))[::-1] * 5
    return WordVectors.from_arrays(WORDS, table.astype(np.float32), counts)


def _bits(array: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("file_format", ["word2vec-text", "word2vec-binary"])
def test_a_round_trip_loses_nothing(vectors: WordVectors, tmp_path: Path, file_format: str) -> None:
    assert export.write(vectors.table, file_format, tmp_path / "out") == 0
    words, read = read_word2vec(tmp_path / "out")
    assert words == WORDS
    assert _bits(read) == _bits(vectors.vectors)


@pytest.mark.parametrize("file_format", export.FORMAT_NAMES)
def test_gensim_and_numpy_load_what_is_exported(tmp_path: Path, file_format: str) -> None:
    """The same words in the same order, the same neighbours and similarities."""
    models = pytest.importorskip("gensim.models")
    generator = np.random.default_rng(4)
    words = WORDS + [f"w{number}" for number in range(200)]
    vectors = WordVectors.from_arrays(
        words, generator.normal(size=(len(words), 20)), np.arange(len(words))[::-1]
    )
    file = tmp_path / "out"
    export.write(vectors.table, file_format, file)
    keyed = models.KeyedVectors(20)
    if file_format == "gensim":
        keyed = models.KeyedVectors.load(str(file))
        assert keyed.get_vecattr("the", "count") == len(words) - 1
    elif file_format == "npz":
        arrays = np.load(file, allow_pickle=False)
        keyed.add_vectors(arrays["words"].tolist(), arrays["vectors"])
        np.testing.assert_array_equal(arrays["counts"], vectors.counts)
    elif file_format == "safetensors":
        arrays = pytest.importorskip("safetensors.numpy").load_file(file)
        lines = arrays["words"].tobytes().decode()
        keyed.add_vectors(lines.split("\n")[:-1], arrays["vectors"])
        np.testing.assert_array_equal(arrays["counts"], vectors.counts)
    else:
        binary = file_format == "word2vec-binary"
        keyed = models.KeyedVectors.load_word2vec_format(str(file), binary=binary)
    assert keyed.index_to_key == words
    for word in words[:20]:
        ours, theirs = vectors.most_similar(word), keyed.most_similar(word)
        assert [near for near, _ in ours] == [near for near, _ in theirs]
        assert [c for _, c in ours] == pytest.approx([c for _, c in theirs], abs=1e-5)
        assert vectors.similarity(word, "the") == pytest.approx(
            float(keyed.similarity(word, "the")), abs=1e-5
        )


@pytest.mark.parametrize("binary", [False, True])
def test_gensims_files_are_read(vectors: WordVectors, tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models")
    keyed = models.KeyedVectors(7)
    keyed.add_vectors(WORDS, np.array(vectors.vectors))
    keyed.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    words, read = read_word2vec(tmp_path / "theirs")
    assert words == WORDS
    assert _bits(read) == _bits(vectors.vectors)


def _word2vec_c(words: list[str], vectors: NDArray[np.float32]) -> bytes:
    """Binary: a header, then word, space, floats and a line feed."""
    rows = zip(words, vectors, strict=True)
    head = f"{len(words)} {vectors.shape[1]}\n".encode()
    return head + b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in rows)


def _fasttext(words: list[str], vectors: NDArray[np.float32]) -> bytes:
    """Text with a space at the end of every line."""
    lines = [f"{len(words)} {vectors.shape[1]}"]
    for word, row in zip(words, vectors.tolist(), strict=True):
        lines.append(word + " " + "".join(f"{number:.9g} " for number in row))
    return ("\n".join(lines) + "\n").encode()


def _glove(words: list[str], vectors: NDArray[np.float32]) -> bytes:
    """Text without a header."""
    return _fasttext(words, vectors).split(b"\n", 1)[1].replace(b" \n", b"\n")


@pytest.mark.parametrize("write", [_word2vec_c, _fasttext, _glove])
@pytest.mark.parametrize("size", [1, 300])
def test_other_programs_files_are_read(
    tmp_path: Path, write: Callable[..., bytes], size: int
) -> None:
    generator = np.random.default_rng(size)
    words = ["</s>", *WORDS[:6], *(f"w{number}" for number in range(500))]
    expected = generator.normal(size=(len(words), size)).astype(np.float32)
    for name in ("vectors.vec", "vectors.vec.gz"):
        content = write(words, expected)
        (tmp_path / name).write_bytes(gzip.compress(content) if name[-2:] == "gz" else content)
        wv = load_vectors(tmp_path / name)
        assert wv.words == words
        assert _bits(wv.vectors) == _bits(expected)


def test_the_first_of_equal_words_counts_and_spaces_stay(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_bytes(b"4 2\nnew york 1 2\na 3 4\na 5 6\n\xff 7 8\n")
    words, vectors = read_word2vec(file)
    assert words == ["new york", "a", "\ufffd"]
    assert vectors.tolist() == [[1, 2], [3, 4], [7, 8]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"prose\n", "is no word2vec file"),
        (b"3 2\na 1 2\nb 3 4\n", "ends after 2 of 3 words"),
        (b"1 2\na 1 2\nb 3 4\n", "line 3: more words"),
        (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: expected a word and 2 numbers"),
        (_word2vec_c(["a", "b"], np.ones((2, 3), np.float32))[:-4], "after 1 of 2 words"),
        (b"1000000000 300\n", "0 of 1000000000"),
        (b"5 1000000000000\n", "vectors of 1000000000000 numbers"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "vectors"
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_word2vec(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), header=st.sampled_from([b"", b"2 3\n", b"1 1\n"]))
def test_arbitrary_bytes_are_read_or_refused(tmp_path: Path, content: bytes, header: bytes) -> None:
    file = tmp_path / "vectors"
    file.write_bytes(header + content)
    try:
        words, vectors = read_word2vec(file)
    except FileFormatError:
        return
    assert len(words) == len(vectors) == len(set(words))


def test_what_a_format_cannot_hold_is_left_out_and_counted(tmp_path: Path) -> None:
    words = ["plain", "new york", "nul\0"]
    vectors = WordVectors.from_arrays(words, np.eye(3, dtype=np.float32))
    assert export.write(vectors.table, "word2vec-text", tmp_path / "text") == 1
    assert read_word2vec(tmp_path / "text")[0] == ["plain", "nul\0"]
    assert export.write(vectors.table, "npz", tmp_path / "npz") == 1
    assert np.load(tmp_path / "npz")["words"].tolist() == ["plain", "new york"]


def test_a_failed_export_leaves_the_old_file(vectors: WordVectors, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="cannot be written"):
        export.write(vectors.table, "npz", tmp_path / "out")
    with pytest.raises(ExportError, match="cannot be written"):
        export.write(vectors.table, "npz", tmp_path / "missing" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_neighbours_are_the_plain_ones(vectors: WordVectors) -> None:
    """The search in two passes finds what comparing with every word finds, at any size."""
    generator = np.random.default_rng(9)
    for size in (1, 31, 33, 1025, 3000):
        table = generator.normal(size=(size, 6)).astype(np.float32)
        wv = WordVectors.from_arrays([f"w{number}" for number in range(size)], table)
        queries = generator.normal(size=(300, 6)).astype(np.float32)
        batch = wv.most_similar_batch(queries, topn=12)
        for query, answers in list(zip(queries, batch, strict=True))[::37]:
            cosines = [reference.cosine(query.astype(float), row) for row in table.astype(float)]
            best = sorted(range(size), key=lambda row: -cosines[row])[:12]
            assert [word for word, _ in answers] == [f"w{row}" for row in best]
            assert [c for _, c in answers] == pytest.approx([cosines[r] for r in best], abs=1e-5)
