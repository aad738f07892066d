"""n-grams fitted to the vectors of a snapshot or file that has none, kept in the user's cache.

A fit takes seconds to a minute, so it is made once: a file in the cache, named after the checksums
of the words and vectors, holds the result. What cannot be read there is fitted again, and where the
cache cannot be written everything works, only slower.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from w2v_online.output import whole_file
from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import VectorTable
from w2v_online.snapshots.remote import cache_folder

MIN_N, MAX_N, BUCKET = 3, 6, 200_000
"""Few buckets, so that what is kept is small; twice as many n-grams share them without harm."""

_KEPT = 4
_log = logging.getLogger(__name__)

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


def fitted(
    table: VectorTable, path: Path, manifest: dict[str, Any], progress: Progress | None = None
) -> SubwordTable:
    """The n-grams of a table that was loaded from ``path``: from the cache, or fitted now."""
    file = cached_at(path, manifest)
    if file is not None and (found := _read(file, table)) is not None:
        return found
    from w2v_online.subwords.word_ngrams import WordNgrams

    _log.info("fitting n-grams to %d vectors of %s", len(table), table.name)
    ngrams = WordNgrams.of(table.words, (MIN_N, MAX_N, BUCKET))
    vectors = ngrams.fit(np.ascontiguousarray(table.vectors), progress)
    buckets = ngrams.buckets.copy()
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as target:
                np.savez(target, vectors=vectors, buckets=buckets)
            _prune(file.parent)
        except OSError as error:
            _log.warning("%s cannot be written, n-grams are fitted anew each time: %s", file, error)
    return SubwordTable(vectors, buckets, (MIN_N, MAX_N, BUCKET))


def cached_at(path: Path, manifest: dict[str, Any]) -> Path | None:
    """The file that keeps the n-grams of a snapshot or vector file; None for vectors in memory."""
    if manifest:
        identity = [manifest["files"].get(name) for name in ("words.txt", "vectors.npy")]
    elif path.is_file():
        status = path.stat()
        identity = [str(path.absolute()), status.st_size, status.st_mtime_ns]
    else:
        return None
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "ngrams" / f"{digest[:32]}.npz"


def _read(file: Path, table: VectorTable) -> SubwordTable | None:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            vectors, buckets = arrays["vectors"], arrays["buckets"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s is damaged, n-grams are fitted anew: %s", file, error)
        return None
    if (
        vectors.shape != (len(buckets), table.vector_size)
        or (vectors.dtype, buckets.dtype) != (np.float32, np.int32)
        or (len(buckets) and not 0 <= buckets.min() <= buckets.max() < BUCKET)
    ):
        _log.warning("%s does not fit %s, n-grams are fitted anew", file, table.name)
        return None
    return SubwordTable(vectors, buckets, (MIN_N, MAX_N, BUCKET))


def _prune(folder: Path) -> None:
    """Delete all but the newest files."""
    files = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        file.unlink(missing_ok=True)
