"""What a store is sent: exactly what differs, whatever happened before."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.publishing.ledger import Ledger
from streamer.publishing.publisher import publish
from streamer.publishing.state import StateError
from streamer.publishing.store import StoreError, open_store, target_of, without_password
from w2v_online import WordVectors
from w2v_online.errors import SnapshotError


class CrashError(Exception):
    """Stands for SIGKILL."""


class Memory:
    """A store that fails after so many calls; what was sent until then it may hold, or not."""

    def __init__(self) -> None:
        self.held: dict[str, NDArray[np.float32]] = {}
        self.upserted: list[str] = []
        self.calls_left = 10**9
        self.error: type[Exception] = CrashError

    def _called(self) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            raise self.error

    def holds(self, word: str) -> bool:
        return "\0" not in word

    def words(self) -> set[str]:
        return set(self.held)

    def is_empty(self) -> bool:
        return not self.held

    def prepare(self, upserts: int, words: int) -> None:
        self._called()

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        self.upserted += words
        for word, vector in zip(words, vectors, strict=True):
            self._called()
            self.held[word] = vector.copy()
        return vectors.nbytes

    def delete(self, words: Sequence[str]) -> None:
        for word in words:
            self._called()
            self.held.pop(word, None)

    def finish(self) -> None:
        self._called()

    def close(self) -> None:
        pass


def _model(generator: np.random.Generator, size: int = 60) -> WordVectors:
    words = [f"w{n}" for n in generator.choice(90, size, replace=False)]
    return WordVectors.from_arrays(words, generator.normal(size=(size, 6)), np.arange(size) + 1)


def _holds(store: Memory, wv: WordVectors, threshold: float) -> bool:
    if store.held.keys() != set(wv.words):
        return False
    cosines = [
        float(v @ wv[w] / (np.linalg.norm(v) * np.linalg.norm(wv[w])))
        for w, v in store.held.items()
    ]
    return min(cosines) >= threshold - 1e-6


def _publish(wv: WordVectors, store: Memory, folder: Path, name: str, threshold: float) -> Any:
    ledger = Ledger(folder, wv.vector_size)
    try:
        return publish(wv.table, name, store, ledger, threshold)
    finally:
        ledger.close()


def test_only_what_differs_is_sent(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    before = _model(generator)
    store = Memory()
    sent = _publish(before, store, tmp_path, "1", 0.99)
    assert (sent.upserted, sent.deleted) == (60, 0)
    store.upserted.clear()
    assert _publish(before, store, tmp_path, "1", 0.99).upserted == 0
    vectors = before.to_numpy()
    vectors[:3] = -vectors[:3]
    vectors[3:6] *= 2  # as near as before
    after = WordVectors.from_arrays([*before.words[:59], "added"], vectors, before.counts)
    sent = _publish(after, store, tmp_path, "2", 0.99)
    assert sorted(store.upserted) == sorted([*before.words[:3], "added"])
    assert sent.deleted == 1
    assert _holds(store, after, 0.99)


def test_small_steps_add_up(tmp_path: Path) -> None:
    """Moved is what is far from what was sent, not from the snapshot before."""
    store = Memory()
    for step in range(30):
        angle = 0.05 * step
        wv = WordVectors.from_arrays(["a"], [[np.cos(angle), np.sin(angle)]], [1])
        _publish(wv, store, tmp_path, str(step), 0.99)
        assert _holds(store, wv, 0.99)
    assert 5 < len(store.upserted) < 15


@pytest.mark.parametrize("seed", range(6))
def test_after_any_crash_the_store_holds_the_model(tmp_path: Path, seed: int) -> None:
    """Killed at any call, with snapshots that nobody published, models begun anew."""
    chance = random.Random(seed)
    generator = np.random.default_rng(seed)
    store = Memory()
    wv = _model(generator)
    for turn in range(60):
        if chance.random() < 0.6:
            kept = generator.permutation(len(wv))[: chance.randrange(30, len(wv))]
            vectors = wv.to_numpy()[kept] + 0.1 * generator.normal(size=(len(kept), 6))
            fresh = [f"n{turn}-{n}" for n in range(60 - len(kept))]
            wv = WordVectors.from_arrays(
                [*(wv.words[i] for i in kept), *fresh],
                np.concatenate([vectors, generator.normal(size=(len(fresh), 6))]),
                np.arange(60) + 1,
            )
        elif chance.random() < 0.2:
            wv = _model(generator)
        store.calls_left = chance.randrange(0, 90)
        try:
            _publish(wv, store, tmp_path, str(turn), 0.99)
        except CrashError:
            continue
        assert _holds(store, wv, 0.99), turn
    store.calls_left = 10**9
    _publish(wv, store, tmp_path, "last", 0.99)
    assert _holds(store, wv, 0.99)


def test_a_lost_ledger_is_made_up_for(tmp_path: Path) -> None:
    """The store is asked for its words: none stays that the model does not have."""
    generator = np.random.default_rng(2)
    store = Memory()
    _publish(_model(generator), store, tmp_path / "a", "1", 0.99)
    wv = _model(generator)
    _publish(wv, store, tmp_path / "b", "2", 0.99)
    assert _holds(store, wv, 1.0)


def test_a_store_that_lost_everything_is_sent_everything(tmp_path: Path) -> None:
    """Also if sending fails on the way, when the store is not empty any more."""
    wv = _model(np.random.default_rng(2))
    store, lost = Memory(), []
    _publish(wv, store, tmp_path, "1", 0.99)
    store.held.clear()
    ledger = Ledger(tmp_path, wv.vector_size)
    store.calls_left, store.error = 20, StoreError
    with pytest.raises(StoreError):
        publish(wv.table, "1", store, ledger, 0.99, tell_lost=lost.append)
    assert 0 < len(store.held) < len(wv)
    ledger.close()
    store.calls_left = 10**9
    assert _publish(wv, store, tmp_path, "1", 0.99).upserted == len(wv)
    assert _holds(store, wv, 1.0)
    store.held.clear()
    ledger = Ledger(tmp_path, wv.vector_size)
    for upserted in (len(wv), 0):
        sent = publish(wv.table, "1", store, ledger, 0.99, tell_lost=lost.append)
        assert sent.upserted == upserted
    ledger.close()
    assert lost == [len(wv), len(wv)]


def test_a_ledger_is_of_one_store(tmp_path: Path) -> None:
    """It names the other one, and what to type; begun again, it is the new one's."""
    wv, store = WordVectors.from_arrays(["a", "b"], np.ones((2, 3), np.float32)), Memory()
    for to, is_new, upserted in (("one", False, 2), ("one", False, 0), ("two", True, 2)):
        ledger = Ledger(tmp_path, 3, to=to, is_new=is_new)
        store.upserted.clear()
        publish(wv.table, "1", store, ledger)
        ledger.close()
        assert len(store.upserted) == upserted, to
    told = rf"{tmp_path} records what two was sent, not one: .*--state-dir.*--full"
    with pytest.raises(ConfigurationError, match=told):
        Ledger(tmp_path, 3, to="one")


def test_a_ledger_that_names_no_store_is_read_and_names_it_then(tmp_path: Path) -> None:
    """As earlier versions wrote them."""
    text, vectors = b"a\nb\n", np.ones((2, 3), np.float32)
    digest = hashlib.sha256(text + vectors.tobytes()).hexdigest()
    header = {"snapshot": "1", "words": 2, "vector_size": 3, "text_bytes": 4, "sha256": digest}
    (tmp_path / "sent").write_bytes(orjson.dumps(header) + b"\n" + text + vectors.tobytes())
    wv, store = WordVectors.from_arrays(["a", "b"], vectors), Memory()
    store.held = dict(zip("ab", vectors, strict=True))
    ledger = Ledger(tmp_path, 3, to="one")
    assert publish(wv.table, "1", store, ledger).upserted == 0
    ledger.close()
    with pytest.raises(ConfigurationError, match="records what one was sent, not two"):
        Ledger(tmp_path, 3, to="two")


def test_what_a_url_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, target in (
        ("lancedb://store/a?table=t", f"lancedb://{tmp_path}/store/a?table=t"),
        ("lancedb:///data/store", "lancedb:///data/store"),
        ("lancedb://s3://bucket/store", "lancedb://s3://bucket/store"),
        ("postgresql://me:secret@h/d?table=t", "postgresql://me:***@h/d?table=t"),
        ("qdrant+http://[::1/words", "qdrant+http://[::1/words"),
    ):
        assert target_of(url) == target


def test_what_a_store_cannot_hold_is_left_out(tmp_path: Path) -> None:
    store = Memory()
    wv = WordVectors.from_arrays(["a", "b\0"], np.eye(2), [2, 1])
    assert _publish(wv, store, tmp_path, "1", 0.99).left_out == 1
    assert store.held.keys() == {"a"}


def test_one_process_holds_a_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 3)
    with pytest.raises(ConfigurationError, match="another process publishes"):
        Ledger(tmp_path, 3)
    ledger.commit(["a"], np.ones((1, 3), np.float32), "1")
    ledger.close()
    with pytest.raises(ConfigurationError, match="3 dimensions"):
        Ledger(tmp_path, 4)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Whatever is done with it; the folder itself is a matter of configuration."""
    vectors = np.ones((1, 3), np.float32)
    blocked = tmp_path / "file"
    blocked.touch()
    told = rf"^{blocked}/below cannot be written: Not a directory; .*--state-dir"
    with pytest.raises(ConfigurationError, match=told):
        Ledger(blocked / "below", 3)
    folder = tmp_path / "ledger"
    pending, sent = folder / "pending", folder / "sent"
    ledger = Ledger(folder, 3)
    pending.mkdir()
    with pytest.raises(StateError, match=rf"^{pending} cannot be read: Is a directory$"):
        ledger.begin(["a"])
    with pytest.raises(StateError, match=rf"^{pending} cannot be deleted: "):
        ledger.commit(["a"], vectors, "1")
    sent.unlink()
    sent.symlink_to("/dev/full")
    with pytest.raises(StateError, match=rf"^{sent} cannot be written: No space left on device$"):
        ledger.commit(["a"], vectors, "1")
    sent.unlink()
    sent.mkdir()
    ledger.close()
    for is_new, told in ((True, f"{sent} cannot be deleted"), (False, f"{sent} cannot be read")):
        with pytest.raises(StateError, match=f"^{told}: "):
            Ledger(folder, 3, is_new=is_new)
    sent.rmdir()
    ledger = Ledger(folder, 3)
    shutil.rmtree(folder)
    with pytest.raises(StateError, match=rf"^{pending} cannot be written: No such file"):
        ledger.begin(["a"])
    ledger.close()


def test_a_folder_without_locks_is_not_said_to_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_file: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(
        ConfigurationError, match=r"cannot be locked: No locks available; .*--state"
    ):
        Ledger(tmp_path, 3)


def test_urls() -> None:
    with pytest.raises(ConfigurationError, match="is not a store; use one of kafka://"):
        open_store("mysql://a/b", 3)
    assert without_password("postgresql://me:secret@h:1/d?x=y") == "postgresql://me:***@h:1/d?x=y"
    for url, shown in (
        (
            "postgresql:///d?user=me&password=a%20b&table=t",
            "postgresql:///d?user=me&password=***&table=t",
        ),
        ("postgresql://me@h/d?sslpassword=s", "postgresql://me@h/d?sslpassword=***"),
        ("postgresql://me:se#cr?et@h/d", "postgresql://me:***@h/d"),
        ("postgresql://me:se/cr@et@h/d?a=b@c", "postgresql://me:***@h/d?a=b@c"),
        ("postgresql://me@corp:secret@db/x", "postgresql://me@corp:***@db/x"),
        ("postgresql://me:se/c?ret@h/d", "postgresql://me:***@h/d"),
        ("postgresql://me@h:5432/d?x=a@b", "postgresql://me@h:5432/d?x=a@b"),
        ("kafka://h:1,i:2/topic?format=json", "kafka://h:1,i:2/topic?format=json"),
    ):
        assert without_password(url) == shown
    for url in ("qdrant+http://[::1/words", "qdrant+http://localhost:port/words"):
        with pytest.raises(ConfigurationError, match=r"^--to qdrant\+http://"):
            open_store(url, 3)
    assert issubclass(StoreError, Exception)


def test_a_damaged_ledger_can_be_begun_again(tmp_path: Path) -> None:
    wv, store = WordVectors.from_arrays(["a", "b"], np.ones((2, 3), np.float32)), Memory()
    _publish(wv, store, tmp_path, "1", 0.99)
    with (tmp_path / "sent").open("ab") as file:
        file.write(b"?")
    with pytest.raises(SnapshotError, match="use --full"):
        Ledger(tmp_path, 3)
    ledger = Ledger(tmp_path, 3, is_new=True)
    assert (ledger.is_known, ledger.words, ledger.pending) == (False, [], set())
    ledger.close()


def test_a_model_of_another_size_is_refused_also_while_one_follows(tmp_path: Path) -> None:
    store, ledger = Memory(), Ledger(tmp_path, 3)
    for size, name in ((3, "1"), (4, "2")):
        wv = WordVectors.from_arrays(["a"], np.ones((1, size), np.float32))
        if size == 3:
            publish(wv.table, name, store, ledger)
            continue
        with pytest.raises(ConfigurationError, match="3 dimensions, the snapshot has 4"):
            publish(wv.table, name, store, ledger)
    ledger.close()
