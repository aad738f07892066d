"""docs/reference/snapshot-format.md against snapshots: a reader written from the document alone.

It uses neither this project nor NumPy's reader, so what it needs must be in the document.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "snapshot-format.md"


class Reader:
    """A snapshot as the document describes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = (path / "manifest.json").read_bytes()
        self.manifest = json.loads(text)
        key = text.index(b'"manifest_sha256"') + len(b'"manifest_sha256"')
        begin = text.index(b'"', key) + 1
        assert text[begin : begin + 64].decode() == self.manifest["manifest_sha256"]
        blank = text[:begin] + b"0" * 64 + text[begin + 64 :]
        assert hashlib.sha256(blank).hexdigest() == self.manifest["manifest_sha256"]
        assert (self.manifest["format"], self.manifest["format_version"]) == ("w2v-stream", 2)
        for name, entry in self.manifest["files"].items():
            data = (path / name).read_bytes()
            assert len(data) == entry["bytes"]
            assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        self.words = (path / "words.txt").read_bytes().decode().split("\n")[:-1]

    def array(self, name: str) -> tuple[str, tuple[int, ...], list[Any]]:
        """Type, shape and numbers, row after row."""
        data = (self.path / name).read_bytes()
        assert data[:8] == bytes.fromhex("934E554D50590100")
        (length,) = struct.unpack("<H", data[8:10])
        assert (10 + length) % 64 == 0
        match = re.fullmatch(
            r"\{'descr': '([<|][fiu]\d)', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n",
            data[10 : 10 + length].decode("ascii"),
        )
        assert match is not None
        shape = tuple(int(part) for part in match[2].split(",") if part.strip())
        kind = {
            "f4": "f",
            "f8": "d",
            "i4": "i",
            "i8": "q",
            "i1": "b",
            "u1": "B",
            "u2": "H",
            "u4": "I",
            "u8": "Q",
        }
        values = struct.iter_unpack("<" + kind[match[1][1:]], data[10 + length :])
        return match[1], shape, [value for (value,) in values]

    def numbers(self, name: str) -> list[Any]:
        """The numbers of a file in ``state/``."""
        return self.array(f"state/{name}.npy")[2]

    def row(self, word: str) -> int:
        """By the hash table of words, -1 for none."""
        hashed = 14695981039346656037
        for byte in word.encode():
            hashed = ((hashed ^ byte) * 1099511628211) % 2**64
        places = self.array("word_places.npy")[2]
        place = hashed % len(places)
        while places[place] != -1:
            if self.words[places[place]] == word:
                return int(places[place])
            place = (place + 1) % len(places)
        return -1

    def held_words(self) -> dict[int, str]:
        """Words by entry, of the arena."""
        arena, held, at = self.numbers("arena"), {}, 0
        while at < len(arena):
            entry, length = divmod(arena[at], 2**32)
            eights = -(-length // 8)
            data = b"".join(n.to_bytes(8, "little") for n in arena[at + 1 : at + 1 + eights])
            held[entry] = data[:length].decode()
            at += 1 + eights
        return held


def _text(records: int) -> list[list[str]]:
    rng = np.random.default_rng(1)
    return [[f"w{n}é" for n in rng.zipf(1.5, 20) % 400] for _ in range(records)]


def test_a_reader_written_from_the_document_reads_everything(tmp_path: Path) -> None:
    config = LearnerConfig(vector_size=12, min_count=3, max_vocab_size=150, replay=1)
    model = OnlineWord2Vec(config)
    model.learn(_text(600))
    found = Reader(model.snapshot(tmp_path))
    dtype, shape, vectors = found.array("vectors.npy")
    size = len(found.words)
    assert (dtype, shape) == ("<f4", (size, 12))
    rows, counts = found.numbers("rows"), found.array("counts.npy")[2]
    assert counts == sorted(counts, reverse=True)
    np.testing.assert_array_equal(np.reshape(vectors, shape), model.vectors()[rows])
    norms = np.linalg.norm(np.reshape(vectors, shape), axis=1)
    np.testing.assert_allclose(found.array("norms.npy")[2], norms, rtol=1e-6)

    text = (tmp_path / found.path.name / "words.txt").read_bytes()
    starts = found.array("word_starts.npy")[2]
    assert [text[a : b - 1].decode() for a, b in pairwise(starts)] == (found.words)
    assert starts[-1] == len(text)
    assert [found.row(word) for word in [*found.words, "no word"]] == [*range(size), -1]
    sums = found.array("block_sums.npy")[2]
    for name, entry in found.manifest["files"].items():
        data = (found.path / name).read_bytes()
        for number, begin in enumerate(range(0, len(data), 65536) if "first_sum" in entry else ()):
            block = data[begin : begin + 65536]
            block += bytes(-len(block) % 8)
            total = sum(n for (n,) in struct.iter_unpack("<Q", block)) % 2**64
            assert total == sums[entry["first_sum"] + number]

    held = found.held_words()
    assert [held[row] for row in rows] == found.words
    weight = found.numbers("sums")[0]
    assert counts == [int(found.numbers("row_counts")[row] / weight) for row in rows]
    candidates = [word for entry, word in held.items() if entry >= config.max_vocab_size]
    assert len(candidates) == found.manifest["totals"]["candidates"]
    outputs = np.reshape(found.numbers("output_vectors"), (size, 12))
    np.testing.assert_array_equal(outputs, model.embeddings.output_vectors[rows])
    averaged = [i for i in range(size) if found.numbers("averaged")[rows[i]]]
    assert averaged
    trained = np.reshape(vectors, shape)
    trained[averaged] = np.reshape(found.numbers("raw_vectors"), (-1, 12))
    np.testing.assert_array_equal(trained, model.embeddings.vectors[rows])
    slots = found.array("state/replay.npy")
    assert slots[1][1] == 8192
    inside = slots[2][: found.numbers("replay_used")[0]]
    assert inside
    assert all(0 <= (n if n >= 0 else -1 - n) < size or n == 2147483647 for n in inside)


def _documented() -> dict[str, set[str]]:
    """Types by file, as the tables of the document have them."""
    types: dict[str, set[str]] = {}
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if line.startswith("| `"):
            names, content = line.strip("| ").split(" | ", 1)
            found = set(re.findall(r"\b(?:float|u?int)\d+\b", content))
            for name in re.findall(r"`([^`]+)`", names):
                types[name] = found
    return types


@pytest.mark.parametrize(
    "options",
    [{"replay": 1}, {"loss": "hs"}, {"loss": "softmax"}, {"half_life": 1000}, {"cbow": True}],
    ids=str,
)
def test_every_file_and_its_type_are_in_the_document(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    config = LearnerConfig(vector_size=8, min_count=2, max_vocab_size=300, **options)
    model = OnlineWord2Vec(config)
    model.learn(_text(50))
    found, documented = Reader(model.snapshot(tmp_path)), _documented()
    letters = {"f": "float", "i": "int", "u": "uint"}
    for file in found.manifest["files"]:
        name = file.removeprefix("state/")
        assert name in documented, f"{file} is not in {DOCUMENT.name}"
        if name.endswith(".npy"):
            dtype = found.array(file)[0]
            assert f"{letters[dtype[1]]}{8 * int(dtype[2])}" in documented[name], file
