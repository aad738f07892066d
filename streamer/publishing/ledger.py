"""What a store was sent: every word with its vector as it was sent last, in one file.

Before words are sent, or deleted, they are noted as pending: if the process dies meanwhile, nobody
knows what the store has of these, so they are sent again, whatever the vectors were. One process at
a time holds a ledger.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import numpy as np
import orjson
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.publishing.state import use_of
from w2v_online.errors import SnapshotError, W2VError
from w2v_online.output import whole_file
from w2v_online.reading.words import as_dict

_SENT, _PENDING, _LOCK = "sent", "pending", "lock"


class Ledger:
    """The ledger in a folder; ConfigurationError if it cannot be made or another process holds it.

    ``to`` names the store; ConfigurationError, too, if the ledger is another's. With ``is_new``
    what was known of a store before is forgotten, also where it is damaged. Every method raises
    StateError if a file cannot be used.
    """

    def __init__(
        self, folder: Path, vector_size: int, *, to: str = "", is_new: bool = False
    ) -> None:
        self._folder = folder
        self._to = to
        self._recorded_to = ""
        self._lock = _locked(folder)
        self.words: list[str] = []
        self.vectors: NDArray[np.float32] = np.zeros((0, vector_size), np.float32)
        self.snapshot = ""
        self.is_known = False
        """Whether anything is known of the store; if not, it has to be asked for its words."""
        try:
            if is_new:
                self._remove(_SENT)
                self._remove(_PENDING)
            self.is_known = (folder / _SENT).exists()
            if self.is_known:
                self._read(vector_size)
        except W2VError:
            self._lock.close()
            raise
        self.rows = as_dict(self.words)

    @property
    def names_store(self) -> bool:
        """Whether it has on disk which store it is of; ledgers of earlier versions do not."""
        return self._recorded_to == self._to

    def forget(self) -> None:
        """Nothing is known of the store any more; on disk, nothing changes until more is sent."""
        self.words, self.vectors, self.snapshot = [], self.vectors[:0], ""
        self.rows = as_dict(self.words)
        self.is_known = False

    @property
    def pending(self) -> set[str]:
        """Words of which nobody knows what the store has."""
        path = self._folder / _PENDING
        with use_of(path, "read"):
            text = path.read_bytes() if path.exists() else b""
        # A last line without its end was being written: nothing of it was sent.
        return {line.decode() for line in text.split(b"\n")[:-1]}

    def begin(self, words: Iterable[str]) -> None:
        """Note words that are about to be sent or deleted, besides those that are pending."""
        pending, path = sorted(self.pending.union(words)), self._folder / _PENDING
        with use_of(path, "written"), whole_file(path) as file:
            for word in pending:
                file.write(f"{word}\n".encode())

    def commit(self, words: list[str], vectors: NDArray[np.float32], snapshot: str) -> None:
        """All that is pending was stored: the store holds these words, float32[n, D]."""
        text = "".join(f"{word}\n" for word in words).encode()
        matrix = np.ascontiguousarray(vectors, np.float32)
        digest = hashlib.sha256(text)
        digest.update(matrix.data)
        header = {
            "to": self._to,
            "snapshot": snapshot,
            "words": len(words),
            "vector_size": matrix.shape[1],
            "text_bytes": len(text),
            "sha256": digest.hexdigest(),
        }
        path = self._folder / _SENT
        with use_of(path, "written"), whole_file(path) as file:
            file.write(orjson.dumps(header) + b"\n" + text)
            file.write(matrix.data)
        self._remove(_PENDING)
        self.words, self.vectors, self.snapshot = words, matrix, snapshot
        self.rows = as_dict(words)
        self.is_known = True
        self._recorded_to = self._to

    def _remove(self, name: str) -> None:
        path = self._folder / name
        with use_of(path, "deleted"):
            path.unlink(missing_ok=True)

    def _read(self, vector_size: int) -> None:
        file = self._folder / _SENT
        with use_of(file, "read"), file.open("rb") as stream:
            header = orjson.loads(stream.readline())
            self._recorded_to = str(header.get("to", ""))
            self._check_store()
            text = stream.read(header["text_bytes"])
            data = stream.read()
        digest = hashlib.sha256(text)
        digest.update(data)
        if digest.hexdigest() != header["sha256"]:
            raise SnapshotError(f"{file} is damaged: use --full to send every vector again")
        self.words = text.decode().split("\n")[:-1]
        self.vectors = np.frombuffer(data, np.float32).reshape(-1, header["vector_size"])
        self.check_size(vector_size)
        self.snapshot = header["snapshot"]

    def _check_store(self) -> None:
        if self._to and self._recorded_to and self._to != self._recorded_to:
            raise ConfigurationError(
                f"{self._folder} records what {self._recorded_to} was sent, not {self._to}: use "
                "another folder (--state-dir), or --full to send every word and record that instead"
            )

    def check_size(self, vector_size: int) -> None:
        """ConfigurationError unless what was sent are vectors of this size."""
        if self.vectors.shape[1] != vector_size:
            raise ConfigurationError(
                f"the store was sent vectors of {self.vectors.shape[1]} dimensions, the snapshot "
                f"has {vector_size}; use another table or topic"
            )

    def close(self) -> None:
        """Let others hold it."""
        self._lock.close()


def _locked(folder: Path) -> TextIO:
    """Make the folder and hold it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror or error}; choose another folder "
            "for what is recorded (--state-dir)"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ConfigurationError(
            f"{folder} is held: another process publishes to this store"
        ) from error
    except OSError as error:
        lock.close()
        raise ConfigurationError(
            f"{folder} cannot be locked: {error.strerror or error}; choose a folder on another "
            "file system (--state-dir)"
        ) from error
    return lock
