"""Snapshots are complete or not there, and damage has a name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.w2v_online.snapshots import write_snapshot
from w2v_online import WordVectors, load_scorer, load_vectors
from w2v_online.errors import SnapshotError, UnknownWordError
from w2v_online.snapshots import reader, writer
from w2v_online.snapshots.retention import Retention, clean, prune


def _write(folder: Path, words: list[str] | None = None, **manifest: object) -> Path:
    words = ["the", "cat", "dog"] if words is None else words
    rng = np.random.default_rng(len(words))
    return write_snapshot(
        folder,
        words="".join(word + "\n" for word in words).encode(),
        vectors=rng.normal(size=(len(words), 4)).astype(np.float32),
        counts=np.arange(len(words), 0, -1),
        count_errors=np.zeros(len(words), np.int64),
        state={"rows": np.arange(len(words), dtype=np.int32)},
        manifest={"config": {}, "totals": {}, **manifest},
    )


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of one snapshot: quicker than writing, which waits for the disk."""
    original = _write(tmp_path_factory.mktemp("original"))
    return lambda: shutil.copytree(original, tmp_path_factory.mktemp("copy") / original.name)


_WORD = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), min_size=1)


@given(st.lists(_WORD, unique=True, max_size=20))
@settings(deadline=None)
def test_any_words_come_back(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    vectors = load_vectors(_write(tmp_path_factory.mktemp("s"), words))
    assert vectors.words == words
    assert len(vectors.vectors) == len(vectors.counts) == len(words)
    assert all(word in vectors for word in words)


_FILES = ["manifest.json", "words.txt", "vectors.npy", "counts.npy", "state/rows.npy",
          "word_starts.npy", "word_places.npy", "norms.npy", "block_sums.npy"]  # fmt: skip


def _open_everything(path: Path) -> None:
    opened = reader.read(path)
    opened.verify()
    opened.words()
    _ = opened.vectors, opened.counts, opened.state
    load_vectors(path)


def _forge(path: Path, name: str, data: bytes) -> None:
    """Replace a file and have the manifest agree, so that only the content itself is wrong."""
    (path / name).write_bytes(data)
    if name == "manifest.json":
        return
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    del manifest["manifest_sha256"]
    (path / "manifest.json").write_bytes(writer.encode_manifest(manifest))


@given(st.sampled_from(_FILES), st.binary())
@settings(deadline=None, max_examples=300)
def test_any_bytes_in_any_file_give_the_named_error(
    copies: Callable[[], Path], name: str, data: bytes
) -> None:
    path = copies()
    (path / name).write_bytes(data)
    with pytest.raises(SnapshotError, match=name.replace(".", r"\.")):
        _open_everything(path)


_NPY = st.builds(
    lambda head, text, data: head + len(text).to_bytes(2, "little") + text + data,
    st.sampled_from([b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b""]),
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            "{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}{}\n".format,
            st.sampled_from(["<f4", "<i8", "|O", ">f4", "<U8", "<f3", "|u1"]),
            st.sampled_from(["False", "True"]),
            st.sampled_from(["(3, 4)", "(3,)", "()", "(0,)", "(0, 10000000000000)", "(-1,)",
                             "(10000000000, 10000000000)", "(4, 3, 1)", "__import__('os')"]),
            st.text(" ", max_size=3),
        ).map(str.encode),
    ),
    st.binary(max_size=100),
)  # fmt: skip


@given(st.sampled_from(_FILES[1:]), st.one_of(st.binary(), _NPY))
@settings(deadline=None, max_examples=500)
def test_content_that_agrees_with_the_manifest_is_not_trusted(
    copies: Callable[[], Path], name: str, data: bytes
) -> None:
    """Whatever a file holds, reading gives arrays and words that belong together or the error."""
    path = copies()
    _forge(path, name, data)
    try:
        vectors = load_vectors(path)
        _open_everything(path)
    except SnapshotError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert len(vectors.words) == len(vectors.vectors) == len(vectors.counts)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    return b"".join(map(bytes, writer.array_chunks(array)))


@given(
    st.lists(st.integers(-2, 15) | st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
    st.lists(st.integers(-1, 3) | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_an_index_that_agrees_with_the_manifest_is_not_trusted(
    copies: Callable[[], Path], starts: list[int], places: list[int], has_ends: bool
) -> None:
    """Whatever it holds, a question is answered with words of the file or by the named error."""
    path = copies()
    if has_ends:
        starts[0], starts[-1] = 0, (path / "words.txt").stat().st_size
    _forge(path, "word_starts.npy", _npy(np.array(starts)))
    _forge(path, "word_places.npy", _npy(np.array(places, np.int32)))
    questions: list[Callable[[WordVectors], object]] = [
        lambda wv: wv.words[1],
        lambda wv: wv.words[1:],
        lambda wv: list(wv.words),
        lambda wv: wv.key_to_index.get("cat", 1) == 1,
        lambda wv: wv.most_similar(np.ones(4, np.float32)),
    ]
    for ask in questions:
        try:
            assert ask(load_vectors(path)) is not False
        except SnapshotError as error:
            assert str(path) in str(error)  # noqa: PT017


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_KEYS = ["format", "format_version", "files", "config", "totals", "counters", "positions", "x"]


def test_a_manifest_whose_text_is_no_object_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, text=["lowercase"])
    with pytest.raises(SnapshotError, match="text is not an object"):
        reader.read(path)


@given(st.sampled_from(_KEYS), _JSON)
@settings(deadline=None, max_examples=300)
def test_a_manifest_with_senseless_values_is_the_named_error(
    copies: Callable[[], Path], key: str, value: object
) -> None:
    path = copies()
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    del manifest["manifest_sha256"]
    manifest[key] = value
    (path / "manifest.json").write_bytes(writer.encode_manifest(manifest))
    try:
        _open_everything(path)
    except SnapshotError as error:
        assert "manifest.json" in str(error)  # noqa: PT017


@given(st.sampled_from(_FILES), st.integers(0, 10_000), st.integers(0, 7))
@settings(deadline=None, max_examples=200)
def test_any_flipped_bit_is_found_and_the_file_named(
    copies: Callable[[], Path], name: str, position: int, bit: int
) -> None:
    path = copies()
    data = bytearray((path / name).read_bytes())
    data[position % len(data)] ^= 1 << bit
    (path / name).write_bytes(data)
    with pytest.raises(SnapshotError, match=name.replace(".", r"\.")):
        reader.read(path).verify()


def test_version_1_loads_and_later_ones_do_not(tmp_path: Path) -> None:
    """A manifest of version 1 has no checksum of its own."""
    path = _write(tmp_path)
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    del manifest["manifest_sha256"]
    for version in (1, 2, 3):
        (path / "manifest.json").write_bytes(orjson.dumps(manifest | {"format_version": version}))
        if version == 1:
            _open_everything(path)
        else:
            with pytest.raises(SnapshotError, match=r"manifest\.json"):
                reader.read(path)


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


@pytest.mark.parametrize("load", [load_vectors, load_scorer, reader.read, reader.read_whole])
def test_what_cannot_be_looked_at_is_an_error_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Callable[[Path], object]
) -> None:
    """A name that is too long, a folder without permission, a file server that is away."""
    with pytest.raises(SnapshotError, match=r"xxx.* cannot be read: File name too long"):
        load(tmp_path / ("x" * 300))
    path = _write(tmp_path)
    for number in (errno.EACCES, errno.ESTALE, errno.EIO):
        error = OSError(number, os.strerror(number))
        for looked_at in (tmp_path, path):
            with monkeypatch.context() as patched:
                patched.setattr(Path, "stat", _raising(error))
                with pytest.raises(SnapshotError, match=f"cannot be read: {error.strerror}"):
                    load(looked_at)


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_args: object, **_options: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("call", ["fsync", "mkdir", "rename"])
def test_a_failed_write_leaves_nothing_and_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    kept = _write(tmp_path)

    def full_disk(*_args: object, **_options: object) -> None:
        raise OSError(28, os.strerror(28))

    owner = os if call == "fsync" else Path
    monkeypatch.setattr(owner, call, full_disk)
    with pytest.raises(SnapshotError, match="No space left"):
        _write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name, "LATEST"]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    written = _write(tmp_path / "new" / "folder")
    assert load_vectors(tmp_path / "new" / "folder").path == written


def test_space_is_looked_for_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SnapshotError, match="1 MiB free, a snapshot needs"):
        _write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_prune_keeps_the_newest_complete_ones(tmp_path: Path) -> None:
    paths = [_write(tmp_path) for _ in range(5)]
    (paths[4] / "words.txt").unlink()
    prune(tmp_path, Retention(keep=2))
    assert [path.exists() for path in paths] == [False, False, True, True, True]
    assert prune(tmp_path, Retention(keep=1), {paths[2].name}) == []
    assert prune(tmp_path, Retention(keep=1)) == [paths[2]]


def test_what_is_named_otherwise_is_the_users_own(tmp_path: Path) -> None:
    """A dated log or folder beside snapshots is neither counted nor deleted, nor a copy resumed."""
    folder = tmp_path / "2026-01"
    others = [folder / "2026-01-31-app.log", folder / "2026-notes" / "x", folder / "20260131-x"]
    first = _write(folder)
    others[1].parent.mkdir()
    for other in others:
        other.write_text("mine")
    shutil.copytree(first, folder / "2026-backup")
    second = _write(folder)
    assert second.name.startswith("00000002-")
    assert prune(folder, Retention(keep=1)) == [first]
    clean(folder)
    (folder / "LATEST").unlink()
    assert load_vectors(folder).path == second
    assert load_vectors(folder / "2026-backup").words == load_vectors(second).words
    assert [other.read_text() for other in others] == ["mine"] * 3


def test_prune_keeps_what_cannot_be_read_at_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be complete."""
    paths = [_write(tmp_path) for _ in range(4)]
    stat = Path.stat

    def refuse(path: Path, **options: Any) -> os.stat_result:
        if path.parent == paths[1]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", refuse)
        prune(tmp_path, Retention(keep=2))
    assert [path.exists() for path in paths] == [False, True, True, True]
    prune(tmp_path, Retention(keep=2))
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_the_last_snapshot_of_hours_and_days_stays() -> None:
    days = [Path(f"0000000{day}-2026010{day}T100000Z") for day in (3, 2, 1)]
    assert Retention(keep=1).kept(days) == {days[0]}
    times = ["20260101T1000", "20260101T1030", "20260101T1110", "20260102T0900", "20260102T0959"]
    paths = [Path(f"{i:08d}-{time}00Z") for i, time in enumerate(times)][::-1]
    for retention, kept in [
        (Retention(keep=1), [4]),
        (Retention(keep=0), [4]),
        (Retention(keep=1, hourly=3), [4, 2, 1]),
        (Retention(keep=2, daily=9), [4, 3, 2]),
        (Retention(keep=9), [4, 3, 2, 1, 0]),
    ]:
        assert sorted(retention.kept(paths), reverse=True) == [paths[4 - i] for i in kept]


def test_vectors_alone_are_counted_apart() -> None:
    """They take no place of a snapshot that a learner can go on from, nor the other way round."""
    names = ["1", "2-vectors", "3-vectors", "4", "5-vectors"]
    paths = [Path(f"{name[0]:0>8}-20260101T100000Z{name[1:]}") for name in names][::-1]
    for retention, kept in [
        (Retention(keep=1, vectors=1), "45"),
        (Retention(keep=5, vectors=2), "1345"),
        (Retention(keep=1, hourly=1, vectors=9), "2345"),
    ]:
        assert "".join(sorted(path.name[7] for path in retention.kept(paths))) == kept


def test_cleaning_ends_what_was_interrupted(tmp_path: Path) -> None:
    """Killed while writing, while deleting, or between the rename and LATEST."""
    first, second = _write(tmp_path), _write(tmp_path)
    (tmp_path / "LATEST").write_text(f"{first.name}\n")
    (tmp_path / ".writing-00000003-x").mkdir()
    (tmp_path / ".writing-LATEST").write_text("half")
    shutil.copytree(first, tmp_path / ".deleting-00000001-x")
    assert load_vectors(tmp_path).path == first
    clean(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [first.name, second.name, "LATEST"]
    assert load_vectors(tmp_path).path == second
    (tmp_path / ".writing-LATEST").write_text("half")
    clean(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [first.name, second.name, "LATEST"]
    (_write(tmp_path) / "words.txt").unlink()
    (tmp_path / "LATEST").write_text(f"{first.name}\n")
    clean(tmp_path)
    assert (tmp_path / "LATEST").read_text() == f"{second.name}\n"


_READER = """
import sys
from w2v_online import load_vectors
loads, newest = 0, 0
while newest < int(sys.argv[2]):
    wv = load_vectors(sys.argv[1])
    sequence = wv.manifest["sequence"]
    assert sequence >= newest, (sequence, newest)
    assert set(wv.counts.tolist()) == {sequence}
    assert (wv.vectors == sequence).all()
    assert wv.words == [f"w{sequence}_{i}" for i in range(len(wv.counts))]
    newest, loads = sequence, loads + 1
print(loads)
"""


def test_a_reader_in_a_loop_never_fails_and_never_sees_mixed_versions(tmp_path: Path) -> None:
    """Snapshots come and go as fast as they can; each holds its own number everywhere."""
    last = 150
    reader: subprocess.Popen[str] | None = None
    for number in range(1, last + 1):
        rows = 10 + number % 7
        write_snapshot(
            tmp_path,
            words="".join(f"w{number}_{i}\n" for i in range(rows)).encode(),
            vectors=np.full((rows, 4), number, np.float32),
            counts=np.full(rows, number),
            count_errors=np.zeros(rows, np.int64),
            state={},
            manifest={},
        )
        prune(tmp_path, Retention(keep=2))
        if reader is None:
            reader = subprocess.Popen(
                [sys.executable, "-c", _READER, str(tmp_path), str(last)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
    assert reader is not None
    output, errors = reader.communicate(timeout=240)
    assert reader.returncode == 0, errors
    assert int(output) >= 1


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    path = _write(tmp_path)
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    manifest["files"]["../../../../rows"] = manifest["files"].pop("state/rows.npy")
    del manifest["manifest_sha256"]
    (path / "manifest.json").write_bytes(writer.encode_manifest(manifest))
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
