"""Snapshots are complete or not there, and damage has a name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_online import load_vectors, snapshot
from w2v_online.errors import SnapshotError, UnknownWordError


def _write(folder: Path, words: list[str] | None = None, **manifest: object) -> Path:
    words = ["the", "cat", "dog"] if words is None else words
    rng = np.random.default_rng(len(words))
    return snapshot.write(
        folder,
        words="".join(word + "\n" for word in words).encode(),
        vectors=rng.normal(size=(len(words), 4)).astype(np.float32),
        counts=np.arange(len(words), 0, -1),
        count_errors=np.zeros(len(words), np.int64),
        state={"rows": np.arange(len(words), dtype=np.int32)},
        manifest={"config": {}, "totals": {}, **manifest},
    )


_WORD = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), min_size=1)


@given(st.lists(_WORD, unique=True, max_size=20))
@settings(deadline=None)
def test_any_words_come_back(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    vectors = load_vectors(_write(tmp_path_factory.mktemp("s"), words))
    assert vectors.words == words
    assert len(vectors.vectors) == len(vectors.counts) == len(words)
    assert all(word in vectors for word in words)


@given(st.sampled_from(["manifest.json", "words.txt", "vectors.npy", "counts.npy"]), st.binary())
@settings(deadline=None, max_examples=300)
def test_any_bytes_in_any_file_give_the_named_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    path = _write(tmp_path_factory.mktemp("s"))
    (path / name).write_bytes(data)
    with pytest.raises(SnapshotError, match=name.replace(".", r"\.")):
        load_vectors(path)


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(deadline=None, max_examples=100)
def test_verify_finds_any_flipped_bit(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    path = _write(tmp_path_factory.mktemp("s"))
    names = ["words.txt", "vectors.npy", "counts.npy", "state/rows.npy"]
    file = path / names[position % len(names)]
    data = bytearray(file.read_bytes())
    data[position % len(data)] ^= 1 << bit
    file.write_bytes(data)
    with pytest.raises(SnapshotError, match="checksum"):
        snapshot.read(path).verify()


def test_the_newest_complete_one_is_found_when_the_last_is_damaged(tmp_path: Path) -> None:
    first, second = _write(tmp_path), _write(tmp_path)
    assert load_vectors(tmp_path).path == second
    (second / "vectors.npy").unlink()
    assert load_vectors(tmp_path).path == first
    (tmp_path / "LATEST").write_bytes(b"\xff nonsense")
    assert load_vectors(tmp_path).path == first


def test_refresh_loads_a_newer_snapshot(tmp_path: Path) -> None:
    _write(tmp_path)
    vectors = load_vectors(tmp_path)
    assert not vectors.refresh()
    newer = _write(tmp_path, ["only"])
    assert vectors.refresh()
    assert (vectors.path, vectors.words) == (newer, ["only"])
    assert "cat" not in vectors


def test_nothing_there_is_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        load_vectors(tmp_path / "nowhere")
    with pytest.raises(SnapshotError, match="holds no snapshot"):
        load_vectors(tmp_path)
    (_write(tmp_path) / "words.txt").unlink()
    with pytest.raises(SnapshotError, match=r"no complete snapshot: .*words\.txt"):
        load_vectors(tmp_path)


def test_a_failed_write_leaves_nothing_and_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _write(tmp_path)

    def full_disk(*_args: object, **_options: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(snapshot.os, "fsync", full_disk)
    with pytest.raises(SnapshotError, match="No space left"):
        _write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name, "LATEST"]


def test_prune_keeps_the_newest_complete_ones(tmp_path: Path) -> None:
    paths = [_write(tmp_path) for _ in range(5)]
    (paths[4] / "words.txt").unlink()
    snapshot.prune(tmp_path, keep=2)
    assert [path.exists() for path in paths] == [False, False, True, True, True]


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    path = _write(tmp_path)
    manifest = (path / "manifest.json").read_bytes()
    (path / "manifest.json").write_bytes(manifest.replace(b"state/rows.npy", b"../../../../rows"))
    with pytest.raises(SnapshotError, match="impossible file"):
        load_vectors(path)


def test_vectors_answer_like_numpy(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(50)]
    vectors = load_vectors(_write(tmp_path, words))
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    expected = np.argsort(-(unit @ unit[7]))
    answers = vectors.most_similar("w7", topn=5)
    assert [word for word, _ in answers] == [words[i] for i in expected[1:6]]
    assert answers[0][1] == pytest.approx(vectors.similarity("w7", answers[0][0]), abs=1e-6)
    target = unit[2] - unit[1] + unit[3]
    order = [i for i in np.argsort(-(unit @ target)) if i not in (1, 2, 3)]
    assert [word for word, _ in vectors.analogy("w1", "w2", "w3", topn=3)] == [
        words[i] for i in order[:3]
    ]
    assert len(vectors.most_similar("w7", topn=1000)) == 49
    with pytest.raises(ValueError, match="read-only"):
        vectors["w7"][0] = 1.0


def test_an_unknown_word_names_near_spellings(tmp_path: Path) -> None:
    vectors = load_vectors(_write(tmp_path, ["kernel", "colonel", "x"]))
    with pytest.raises(UnknownWordError, match="did you mean kernel"):
        vectors.most_similar("kernal")
    with pytest.raises(KeyError):
        vectors["zzz"]
