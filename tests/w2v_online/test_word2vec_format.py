"""Files of word2vec.c, gensim, fastText and GloVe are read, and ours lose nothing."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import pickle
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests import reference
from w2v_online import WordVectors, load_vectors
from w2v_online.analysis import export
from w2v_online.analysis.export import word2vec
from w2v_online.errors import ExportError, FileFormatError
from w2v_online.reading.compressed import open_plain
from w2v_online.reading.word2vec_format import read_word2vec

models = pytest.importorskip("gensim.models")

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
    assert export.write(vectors.table, file_format, tmp_path / "out").left_out == {}
    words, read = read_word2vec(tmp_path / "out")
    assert words == WORDS
    assert _bits(read) == _bits(vectors.vectors)


def _read_back(file: Path, file_format: str) -> WordVectors:
    """What another program finds in an exported file."""
    if file_format == "gensim":
        keyed = models.KeyedVectors.load(str(file))
        return WordVectors.from_arrays(
            keyed.index_to_key,
            keyed.vectors,
            [keyed.get_vecattr(w, "count") for w in keyed.index_to_key],
        )
    if file_format == "fasttext":
        fasttext = pytest.importorskip("gensim.models.fasttext")
        keyed = fasttext.load_facebook_vectors(str(file))
        counts = [keyed.get_vecattr(w, "count") for w in keyed.index_to_key]
        return WordVectors.from_arrays(keyed.index_to_key, keyed.vectors, counts)
    if file_format == "npz":
        arrays = np.load(file, allow_pickle=False)
        return WordVectors.from_arrays(
            arrays["words"].tolist(), arrays["vectors"], arrays["counts"]
        )
    if file_format == "safetensors":
        arrays = pytest.importorskip("safetensors.numpy").load_file(file)
        words = arrays["words"].tobytes().decode().split("\n")[:-1]
        return WordVectors.from_arrays(words, arrays["vectors"], arrays["counts"])
    if file_format in ("parquet", "arrow"):
        parquet = pytest.importorskip("pyarrow.parquet")
        feather = pytest.importorskip("pyarrow.feather")
        read = parquet.read_table if file_format == "parquet" else feather.read_table
        columns = read(file)
        vectors = columns["vector"].combine_chunks().flatten().to_numpy()
        words = columns["word"].to_pylist()
        return WordVectors.from_arrays(
            words, vectors.reshape(len(words), -1), columns["count"].to_numpy()
        )
    if file_format == "projector":
        rows = [line.split("\t") for line in (file / "metadata.tsv").read_text().split("\n")[1:-1]]
        vectors = np.loadtxt(file / "vectors.tsv", delimiter="\t", dtype=np.float32)
        assert "metadata.tsv" in (file / "projector_config.pbtxt").read_text()
        return WordVectors.from_arrays([r[0] for r in rows], vectors, [int(r[1]) for r in rows])
    binary = file_format == "word2vec-binary"
    keyed = models.KeyedVectors.load_word2vec_format(
        str(file), fvocab=str(file) + ".vocab", binary=binary
    )
    counts = [keyed.get_vecattr(word, "count") for word in keyed.index_to_key]
    return WordVectors.from_arrays(keyed.index_to_key, keyed.vectors, counts)


@pytest.mark.filterwarnings("ignore:Adding single vectors:UserWarning")
@pytest.mark.parametrize(
    "file_format", [name for name, known in export.FORMATS.items() if not known.needs_subwords]
)
def test_other_programs_load_what_is_exported(tmp_path: Path, file_format: str) -> None:
    """The same words in the same order, with the same vectors and counts."""
    generator = np.random.default_rng(4)
    kept = [word for word in WORDS if word == word.strip() and "\t" not in word]
    words = kept + [f"w{n}" for n in range(20_000)]  # gensim strips the words of a vocabulary
    expected = generator.normal(size=(len(words), 5)).astype(np.float32)
    vectors = WordVectors.from_arrays(words, expected, np.arange(len(words), 0, -1))
    file = tmp_path / "out"
    written = export.write(vectors.table, file_format, file)
    assert (written.words, written.left_out) == (len(words), {})
    assert all(path.exists() for path in written.files)
    found = _read_back(file, file_format)
    assert found.words == words
    assert _bits(found.vectors) == _bits(expected)
    np.testing.assert_array_equal(found.counts, vectors.counts)


@pytest.mark.parametrize("binary", [False, True])
def test_gensims_files_are_read(vectors: WordVectors, tmp_path: Path, binary: bool) -> None:
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


def test_the_first_of_equal_words_counts_and_words_keep_their_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Spaces, and bytes that are no UTF-8: two words that differ in these only stay two."""
    file = tmp_path / "vectors.txt"
    content = b"5 2\nnew york 1 2\na 3 4\na 5 6\n\xff 7 8\n\xfe 9 10\n"
    file.write_bytes(content)
    wv = load_vectors(file)
    assert wv.words == ["new york", "a", "\udcff", "\udcfe"]
    assert wv.vectors.tolist() == [[1, 2], [3, 4], [7, 8], [9, 10]]
    assert "1 words come more than once" in caplog.text
    for file_format in ("word2vec-text", "word2vec-binary"):
        written = export.write(wv.table, file_format, tmp_path / "out")
        assert written.left_out == {"a space": 1}
        assert read_word2vec(tmp_path / "out")[0] == ["a", "\udcff", "\udcfe"]
    for file_format in ("parquet", "safetensors", "projector"):
        written = export.write(wv.table, file_format, tmp_path / file_format)
        assert written.left_out == {"bytes that are not UTF-8": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"prose\n", "is no word2vec file"),
        (b"3 2\na 1 2\nb 3 4\n", "ends after 2 of 3 words"),
        (b"1 2\na 1 2\nb 3 4\n", "line 3: more words"),
        (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3: expected a word and 2 numbers"),
        (b"2 1\na 1 2\nb 3 4\n", "header announces 1 numbers per word, but its lines have 2"),
        (b"2 2\na 1 nan\nb 3 4\n", "vector of 'a' has a number that is not finite"),
        (b"2 2\na 1 2\nb 1e39 4\n", "vector of 'b' has a number that is not finite"),
        (_word2vec_c(["a", "b"], np.ones((2, 3), np.float32))[:-5], "after 1 of 2 words"),
        (_word2vec_c(["a", "b"], np.ones((2, 3), np.float32)) + b"c", "goes on after the 2 words"),
        (_word2vec_c(["a", "b"], np.ones((2, 3), np.float32)) + bytes(99), "goes on after the 2"),
        (_word2vec_c(["a", "b"], np.ones((2, 3), np.float32))[:4] + b"\0", "after 0 of 2 words"),
        (_word2vec_c(["a", "b"], np.full((2, 3), np.inf, np.float32)), "'a' has a number that is"),
        (b"1000000000 300\n", "0 of 1000000000"),
        (b"5 1000000000000\n", "vectors of 1000000000000 numbers"),
        (b"99999999999999999999 2\na 1 2\n", "ends after 1 of 99999999999999999999 words"),
        (b"\x80\x04\x95\0", "Python pickle"),
        (b"\x80\x02}q\0.", "Python pickle"),
        (b"\xba\x16\x4f\x2f\x0c\0\0\0", "compressed fastText model"),
        (b"PAR1\0", "parquet"),
        (b"PK\x03\x04", "cannot be read"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "vectors"
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_word2vec(file)


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd"])
def test_compressed_data_that_ends_too_early_is_no_shorter_file(
    tmp_path: Path, packing: str
) -> None:
    """Without a header, nothing else tells that words are missing."""
    content = b"".join(b"w%d %d 1\n" % (n, n**7 % 1_000_003) for n in range(50_000))
    file = tmp_path / "vectors"
    file.write_bytes(PACKINGS[packing](content)[:-100])
    with pytest.raises(FileFormatError, match=r"cannot be read: .* end"):
        read_word2vec(file)
    file.write_bytes(zstandard.compress(content) + b"something else")
    with pytest.raises(FileFormatError, match="cannot be read: damaged zstd data"):
        read_word2vec(file)


def test_errors_of_who_reads_are_not_the_files(tmp_path: Path) -> None:
    """``embed`` writes while it reads: a full disk is not the input's fault."""
    file = tmp_path / "text"
    file.write_bytes(b"a b\n")
    with pytest.raises(OSError, match="the disk is full"), open_plain(file):
        raise OSError("the disk is full")


def _zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("vectors.txt", content)
    return stream.getvalue()


@pytest.mark.parametrize(("place", "value"), [(6, 1), (8, 9)], ids=["encrypted", "deflate64"])
def test_archives_that_cannot_be_unpacked_are_refused(
    tmp_path: Path, place: int, value: int
) -> None:
    content = bytearray(_zipped(b"1 2\nword 1 2\n"))
    # In the file's own header and, two bytes further on, in the archive's directory.
    for header, offset in ((0, place), (content.find(b"PK\x01\x02"), place + 2)):
        content[header + offset] |= value
    (tmp_path / "v.zip").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"v\.zip cannot be read: "):
        read_word2vec(tmp_path / "v.zip")


def _members(content: bytes) -> bytes:
    """Gzip of the header, and of the rest: ``cat header.gz rest.gz``."""
    header, _, rest = content.partition(b"\n")
    return gzip.compress(header + b"\n") + gzip.compress(rest)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "members": _members,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstandard.compress(content),
    "zip": _zipped,
}

SPACINGS: dict[str, Callable[[bytes], bytes]] = {
    "word2vec": bytes,
    "tabs": lambda content: content.replace(b" ", b"\t"),
    "wide": lambda content: content.replace(b" ", b"  "),
    "wide behind words": lambda content: re.sub(rb"(?m)^(\S+) ", rb"\1  ", content),
    "spaces at ends": lambda content: content.replace(b"\n", b" \n"),
    "carriage returns": lambda content: content.replace(b"\n", b"\r\n"),
    "blank lines": lambda content: content.replace(b"\n", b"\n\n"),
    "no last line feed": lambda content: content[:-1],
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "utf-16": lambda content: content.decode().encode("utf-16"),
    "utf-16 big": lambda content: b"\xfe\xff" + content.decode().encode("utf-16-be"),
    "utf-32": lambda content: content.decode().encode("utf-32"),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("has_header", [True, False])
def test_text_is_text_however_it_is_packed_and_spaced(
    tmp_path: Path, packing: str, spacing: str, has_header: bool
) -> None:
    generator = np.random.default_rng(6)
    words = [word for word in WORDS if "\t" not in word] + [f"w{n}" for n in range(150)]
    expected = generator.normal(size=(len(words), 20)).astype(np.float32)
    content = (_fasttext if has_header else _glove)(words, expected).replace(b" \n", b"\n")
    file = tmp_path / "vectors.bin"
    file.write_bytes(PACKINGS[packing](SPACINGS[spacing](content)))
    found, vectors = read_word2vec(file)
    assert found == words
    assert _bits(vectors) == _bits(expected)


@pytest.mark.parametrize("packing", PACKINGS)
def test_binary_is_binary_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    """Also of small whole numbers, whose bytes are mostly zeros, and of a name that says text."""
    generator = np.random.default_rng(7)
    words = [word for word in WORDS if " " not in word] + [f"w{n}" for n in range(150)]
    for size, scale in ((1, 1), (2, 1), (20, 1), (20, 0), (300, 1)):
        expected = (scale * generator.normal(size=(len(words), size)).round()).astype(np.float32)
        file = tmp_path / "vectors.txt"
        file.write_bytes(PACKINGS[packing](_word2vec_c(words, expected)))
        found, vectors = read_word2vec(file)
        assert found == words
        assert _bits(vectors) == _bits(expected)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b".", b","),
        lambda line: line.rpartition(b" ")[0],
        lambda line: line + b" 1.5",
        lambda line: line.replace(b"0.", b"O."),
        lambda line: b"\xe9" + line.replace(b".", b","),
    ],
)
@pytest.mark.parametrize("rows", [[0], [7], range(60)])
def test_text_that_is_wrong_is_refused_and_never_binary(
    tmp_path: Path, spoil: Callable[[bytes], bytes], rows: list[int]
) -> None:
    """In one line, the first or a later one, or in all of them: as numbers with commas."""
    vectors = np.random.default_rng(8).uniform(-1, 1, (60, 20)).astype(np.float32)
    lines = _fasttext([f"w{n}" for n in range(60)], vectors).replace(b" \n", b"\n").split(b"\n")
    for row in rows:
        lines[1 + row] = spoil(lines[1 + row])
    file = tmp_path / "vectors"
    file.write_bytes(b"\n".join(lines))
    if spoil(b"a 1") == b"a 1 1.5" and len(rows) == 1:
        assert read_word2vec(file)[0][rows[0]].startswith(f"w{rows[0]} ")  # a word with a space
        return
    with pytest.raises(FileFormatError):
        read_word2vec(file)


def test_counts_are_kept_in_a_vocabulary_file(vectors: WordVectors, tmp_path: Path) -> None:
    """Written beside word2vec formats and read back; another one may be named, none need be."""
    written = export.write(vectors.table, "word2vec-binary", tmp_path / "v.bin")
    assert written.files == [tmp_path / "v.bin", tmp_path / "v.bin.vocab"]
    read = load_vectors(tmp_path / "v.bin")
    np.testing.assert_array_equal(read.counts, vectors.counts)
    (tmp_path / "v.bin.vocab").rename(tmp_path / "counts")
    assert not load_vectors(tmp_path / "v.bin").counts.any()
    named = load_vectors(tmp_path / "v.bin", vocabulary=tmp_path / "counts")
    np.testing.assert_array_equal(named.counts, vectors.counts)
    again = pickle.loads(pickle.dumps(named))
    np.testing.assert_array_equal(again.counts, vectors.counts)
    export.write(vectors.table, "word2vec-binary", tmp_path / "v.bin")
    unknown = WordVectors.from_arrays(vectors.words, vectors.vectors)
    assert export.write(unknown.table, "word2vec-text", tmp_path / "v.bin").files == [
        tmp_path / "v.bin"
    ]
    assert not load_vectors(tmp_path / "v.bin").counts.any()  # those of the earlier file have gone
    for content, message in ((b"the 3\n", "lacks 'Zürich'"), (b"the 3\nx y\n", "line 2")):
        (tmp_path / "v.bin.vocab").write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            load_vectors(tmp_path / "v.bin")


def test_what_is_no_plain_file_stays_what_it_is(vectors: WordVectors, tmp_path: Path) -> None:
    """A link leads on to its target, a pipe and a device get what is written."""
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.touch(mode=0o600)
    link.symlink_to(target)
    export.write(vectors.table, "word2vec-text", link)
    assert link.is_symlink()
    assert read_word2vec(target)[0] == WORDS
    assert target.stat().st_mode & 0o777 == 0o600
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    export.write(vectors.table, "word2vec-text", pipe)
    reader.join()
    assert pipe.is_fifo()
    assert received == [target.read_bytes()]
    assert export.write(vectors.table, "word2vec-text", Path("/dev/null")).words == len(WORDS)
    assert export.write(vectors.table, "npz", Path("/dev/null")).words == len(WORDS)
    assert Path("/dev/null").is_char_device()
    assert not Path("/dev/null.vocab").exists()
    with (tmp_path / "open").open("wb") as opened:  # as standard output is with > in a shell
        opened.write(b"before\n")
        opened.flush()
        (tmp_path / "out").symlink_to(f"/dev/fd/{opened.fileno()}")
        written = export.write(vectors.table, "word2vec-text", tmp_path / "out")
        opened.write(b"behind\n")
    content = b"before\n" + target.read_bytes() + b"behind\n"
    assert (tmp_path / "open").read_bytes() == content
    assert written.files == [tmp_path / "out"]
    assert not (tmp_path / "out.vocab").exists()


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
    words = ["plain", "new york", "nul\0", "tab\tbed", "a b"]
    vectors = WordVectors.from_arrays(words, np.eye(5, dtype=np.float32))
    written = export.write(vectors.table, "word2vec-text", tmp_path / "text")
    assert (written.words, written.left_out) == (3, {"a space": 2})
    read, rows = read_word2vec(tmp_path / "text")
    assert read == ["plain", "nul\0", "tab\tbed"]
    assert rows.argmax(axis=1).tolist() == [0, 2, 3]
    assert export.write(vectors.table, "npz", tmp_path / "npz").left_out == {"NUL at the end": 1}
    assert np.load(tmp_path / "npz")["words"].tolist() == [w for w in words if w != "nul\0"]
    assert export.write(vectors.table, "projector", tmp_path / "p").left_out == {"a tab": 1}


def test_a_failed_export_leaves_the_old_file(vectors: WordVectors, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="cannot be written"):
        export.write(vectors.table, "npz", tmp_path / "out")
    with pytest.raises(ExportError, match="cannot be written"):
        export.write(vectors.table, "npz", tmp_path / "missing" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("has_counts", [True, False])
def test_vectors_never_lie_with_the_counts_of_others(
    vectors: WordVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_counts: bool
) -> None:
    """Where an export fails, both files stay as they were."""
    file = tmp_path / "v.txt"
    export.write(vectors.table, "word2vec-text", file)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    counts = vectors.counts * 10 if has_counts else None
    other = WordVectors.from_arrays(vectors.words, -vectors.vectors, counts)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(word2vec, "text_lines", fail)
    with pytest.raises(ExportError, match="No space left"):
        export.write(other.table, "word2vec-text", file)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


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
