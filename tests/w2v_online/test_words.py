"""Words and vectors read where they lie: like lists and dictionaries, and never damaged ones."""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.w2v_online.snapshots import write_snapshot
from w2v_online import WordVectors, load_vectors, read_words
from w2v_online.errors import SnapshotError, UnknownWordError
from w2v_online.snapshots import writer
from w2v_online.snapshots.block_sums import BLOCK_BYTES, BlockSummer

ROWS = 1500
WORDS = [f"w{i}é" for i in range(ROWS)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot whose vectors take several blocks."""
    rng = np.random.default_rng(1)
    return write_snapshot(
        tmp_path_factory.mktemp("s"),
        words="".join(word + "\n" for word in WORDS).encode(),
        vectors=rng.normal(size=(ROWS, 32)).astype(np.float32),
        counts=np.arange(ROWS, 0, -1),
        count_errors=np.zeros(ROWS, np.int64),
        state={},
        manifest={},
    )


def _without(path: Path, *names: str) -> None:
    """Make a snapshot one of a writer that knows nothing of these files."""
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    del manifest["manifest_sha256"]
    for name in names:
        del manifest["files"][name]
        (path / name).unlink()
    for entry in manifest["files"].values():
        if "block_sums.npy" in names:
            entry.pop("first_sum", None)
    (path / "manifest.json").write_bytes(writer.encode_manifest(manifest))


_NEW_FILES = ("word_starts.npy", "word_places.npy", "norms.npy", "block_sums.npy")


@pytest.mark.parametrize("missing", [(), _NEW_FILES, _NEW_FILES[:1], _NEW_FILES[2:]])
def test_words_behave_like_a_list_and_rows_like_a_dictionary(
    path: Path, tmp_path: Path, missing: tuple[str, ...]
) -> None:
    """With an index and without one, as older snapshots are."""
    copy = shutil.copytree(path, tmp_path / path.name)
    _without(copy, *missing)
    wv = load_vectors(copy)
    words, rows = wv.index_to_key, wv.key_to_index
    assert (len(words), len(rows), len(wv)) == (ROWS, ROWS, ROWS)
    assert words == WORDS
    assert list(words) == list(rows) == WORDS
    assert words != WORDS[:-1]
    assert (words[7], words[-1], words[np.int64(3)]) == (WORDS[7], WORDS[-1], WORDS[3])
    for part in (slice(5, 9), slice(None, None, -400), slice(9, 5), slice(-3, None)):
        assert words[part] == WORDS[part]
    for row in (ROWS, -ROWS - 1):
        with pytest.raises(IndexError):
            words[row]
    assert dict(rows) == {word: row for row, word in enumerate(WORDS)}
    assert (rows["w9é"], rows.get("w9é"), rows.get("w9"), rows.get("w9", -1)) == (9, 9, None, -1)
    for unknown in ("w9", "", "\n", "\ud800", "w1é\nw2é", 9):
        assert unknown not in rows
        assert unknown == 9 or unknown not in wv  # a row's number is a key, as in gensim
    with pytest.raises(KeyError):
        rows["w9"]
    with pytest.raises(UnknownWordError, match="did you mean w1499é"):
        wv["w14999é"]
    norms = np.linalg.norm(wv.vectors, axis=1)
    np.testing.assert_allclose(wv.table.inverse_norms, 1 / norms, rtol=1e-6)


def test_only_what_is_used_is_read(path: Path, tmp_path: Path) -> None:
    """Damage elsewhere is not met; where it is, the question fails and the file is named."""
    copy = shutil.copytree(path, tmp_path / path.name)
    file = copy / "vectors.npy"
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x7f")
    wv = load_vectors(copy)
    first = BLOCK_BYTES // (4 * 32)
    np.testing.assert_array_equal(wv[WORDS[3]], load_vectors(path).vectors[3])
    assert wv.similarity(WORDS[0], WORDS[first - 2])
    assert wv.most_similar(WORDS[0], restrict_vocab=first)
    questions: list[Callable[[], object]] = [
        lambda: wv[WORDS[-1]],
        lambda: wv.vectors,
        lambda: wv.most_similar(WORDS[0]),
        lambda: wv.most_similar_batch(WORDS[:2]),
        lambda: wv.vectors_for([WORDS[0], WORDS[-1]]),
        lambda: wv.embed([WORDS[-1]]),
    ]
    for ask in questions:
        with pytest.raises(SnapshotError, match=r"vectors\.npy is damaged"):
            ask()


def _answers(wv: WordVectors) -> list[Callable[[], object]]:
    asked = [WORDS[i] for i in (0, 700, ROWS - 1)]
    return [
        lambda: [wv[word].tobytes() for word in asked],
        lambda: [wv.most_similar(word, topn=3) for word in asked],
        lambda: wv.most_similar_batch(asked, topn=3),
        lambda: [word in wv for word in WORDS[::50]],
        lambda: list(wv.words),
        lambda: [wv.words[i] for i in range(0, ROWS, 50)],
        lambda: [wv.key_to_index.get(word) for word in WORDS[::50]],
        lambda: (wv.counts.tobytes(), wv.vectors.tobytes()),
        lambda: wv.embed(asked).tobytes(),
    ]


def test_a_damaged_file_never_gives_a_wrong_answer(path: Path, tmp_path: Path) -> None:
    """A bit flipped, a cut or a blank page at 200 places: the right answer or the named error."""
    copy = shutil.copytree(path, tmp_path / path.name)
    right = [ask() for ask in _answers(load_vectors(path))]
    files = [file for file in sorted(copy.glob("*.*")) if file.name != "count_errors.npy"]
    chance = random.Random(5)
    failed = 0
    for number in range(200):
        file = files[number % len(files)]
        intact = file.read_bytes()
        place = chance.randrange(len(intact))
        damaged = bytearray(intact)
        damaged[place] ^= 1 << chance.randrange(8)
        if number % 3 == 0:
            damaged = bytearray(intact[:place])
        elif number % 3 == 1 and any(intact[place // 512 * 512 : place // 512 * 512 + 512]):
            end = min(len(intact), place // 512 * 512 + 512)
            damaged[place // 512 * 512 : end] = bytes(end - place // 512 * 512)
        file.write_bytes(damaged)
        found: list[object] = []
        try:
            wv = load_vectors(copy)
            for expected, ask in zip(right, _answers(wv), strict=True):
                try:
                    assert ask() == expected
                except SnapshotError as error:
                    found.append(str(error))
        except SnapshotError as error:
            found.append(str(error))
        assert all(str(file) in str(message) for message in found), (file, place)
        failed += bool(found)
        file.write_bytes(intact)
    assert failed == 200


_PIECES = st.lists(st.binary(max_size=100_000), max_size=4)


@given(_PIECES, st.integers(0, 3 * BLOCK_BYTES))
@settings(deadline=None, max_examples=50)
def test_sums_are_those_of_the_whole_file(pieces: list[bytes], more: int) -> None:
    """However a file comes in pieces; computed here with Python's own integers."""
    pieces.append(b"\xfe" * more)
    summer = BlockSummer()
    for piece in pieces:
        summer.add(piece)
    data = b"".join(pieces)
    expected = []
    for begin in range(0, len(data), BLOCK_BYTES):
        block = data[begin : begin + BLOCK_BYTES]
        numbers = [int.from_bytes(block[i : i + 8], "little") for i in range(0, len(block), 8)]
        expected.append(sum(numbers) % 2**64)
    assert summer.finish().tolist() == expected


def test_a_snapshot_that_is_let_go_of_is_closed_at_once(path: Path) -> None:
    """Not when the garbage collector comes by: who follows a daemon would hold many files."""
    gc.collect()
    gc.disable()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        wv = load_vectors(path)
        assert WORDS[3] in wv
        assert "nowhere" not in wv
        wv.most_similar(WORDS[5])
        assert len(list(Path("/proc/self/fd").iterdir())) > before
        del wv
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    finally:
        gc.enable()


def test_words_are_read_by_line_feeds_alone(tmp_path: Path) -> None:
    """From a snapshot, a folder of them, or the file on its own."""
    words = ["a\u2028b", "c\u0085", "\x0bd\x0c", "e\r", "\x1c", "\xa0"]
    snapshot = write_snapshot(
        tmp_path,
        words="".join(word + "\n" for word in words).encode(),
        vectors=np.eye(6, dtype=np.float32),
        counts=np.arange(6, 0, -1),
        count_errors=np.zeros(6, np.int64),
        state={},
        manifest={},
    )
    for path in (tmp_path, str(snapshot), snapshot / "words.txt"):
        assert read_words(path) == words
    assert load_vectors(snapshot).words == words
    with pytest.raises(SnapshotError, match="nowhere"):
        read_words(tmp_path / "nowhere")
