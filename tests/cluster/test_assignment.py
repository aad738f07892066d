"""Pieces of a stream: dealt out evenly, each to one worker, with positions that fit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.cluster import assignment
from streamer.cluster.assignment import Shares, deal
from streamer.config.cluster_settings import ClusterSettings
from streamer.sources.base import Opening, Piece, Share
from streamer.sources.file.kind import FileKind
from streamer.sources.file.names import text_of_path
from streamer.sources.kafka.kind import KafkaKind
from streamer.text.records import RecordSplitter

_PIECES = st.dictionaries(
    st.builds(Piece, st.sampled_from("abc"), st.integers(0, 20)), st.floats(0, 100), max_size=30
)


@given(_PIECES, _PIECES, st.integers(1, 5))
def test_every_piece_has_one_reader_and_keeps_it(
    first: dict[Piece, float], later: dict[Piece, float], workers: int
) -> None:
    """Also when pieces come and go."""
    nobody: list[Share] = [frozenset()] * workers
    shares = deal(first, nobody)
    assert sorted(piece for share in shares for piece in share) == sorted(first)
    again = deal(later, shares)
    assert sorted(piece for share in again for piece in share) == sorted(later)
    for before, after in zip(shares, again, strict=True):
        assert before & later.keys() <= after


def test_the_heaviest_go_first_and_equals_evenly() -> None:
    """Whatever their order."""
    logs = {Piece("large"): 10.0, Piece("a"): 4.0, Piece("b"): 3.0, Piece("c"): 3.0}
    expected = [{Piece("large")}, {Piece("a"), Piece("b"), Piece("c")}]
    nobody: list[Share] = [frozenset()] * 2
    assert deal(logs, nobody) == expected
    assert deal(dict(reversed(logs.items())), nobody) == expected
    partitions = {Piece("t", n): 1.0 for n in range(8)}
    assert [len(share) for share in deal(partitions, [frozenset()] * 3)] == [3, 3, 2]
    empty = {Piece("t", n): 0.0 for n in range(4)}
    assert [len(share) for share in deal(empty, nobody)] == [2, 2]


def test_positions_of_partitions_are_cut_up_and_joined() -> None:
    """A worker that says something of others' partitions is not listened to."""
    ids = {"t": {"old": [0, 1]}}
    position = {"daemon": "d", "partitions": {"t": {"0": 5, "1": 6}, "u": {"0": 7}}, "topics": ids}
    share = frozenset({Piece("t", 1), Piece("u", 3)})
    part = {"daemon": "d", "partitions": {"t": {"1": 6}}, "topics": {"t": {"old": [1]}}}
    assert KafkaKind().part_of(position, share) == part
    new = {"daemon": "d", "partitions": {"t": {"1": 9}}, "topics": {"t": {"new": [1]}}}
    whole = {
        "daemon": "d",
        "partitions": {"t": {"0": 5, "1": 9}, "u": {"0": 7}},
        "topics": {"t": {"old": [0], "new": [1]}},
    }
    assert KafkaKind().joined([position, new, {"daemon": "d"}]) == whole


def test_positions_of_logs_are_cut_up_and_joined() -> None:
    """Each log with its marks."""
    position = {"/a": [1], "/b": [2]}
    assert FileKind().part_of(position, frozenset({Piece("/b")})) == {"/b": [2]}
    assert FileKind().joined([position, {"/b": [3]}, {}]) == {"/a": [1], "/b": [3]}


def _shares(folder: Path) -> Shares:
    settings = ClusterSettings(source="file", path=str(folder / "*.log"), follow=True)
    return Shares(FileKind().pieces(settings, lambda: False, None))


def test_a_log_that_has_lost_its_name_since_the_checkpoint_is_read_on(tmp_path: Path) -> None:
    """It was compressed while its worker read it, and the worker died."""
    log = tmp_path / "a.log"
    shares = _shares(tmp_path)
    log.write_text("one\n")
    shares.begin(1, {})
    assert shares.of(0) == {Piece(str(log))}
    log.rename(tmp_path / "a.log.gz")
    shares.begin(1, {str(log): [], "/elsewhere/b.txt": []})
    assert shares.of(0) == {Piece(str(log))}


def test_a_log_between_two_names_stays_with_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was rotated, and the new file is not there yet: the rotated one is no new log."""
    monkeypatch.setattr(assignment, "SEARCH_SECONDS", 0.0)
    log = tmp_path / "a.log"
    settings = ClusterSettings(source="file", path=str(tmp_path / "*.log*"), follow=True)
    shares = Shares(FileKind().pieces(settings, lambda: False, None))
    log.write_text("one\n")
    shares.begin(2, {})
    assert (shares.of(0), shares.of(1)) == ({Piece(str(log))}, frozenset())
    log.rename(tmp_path / "a.log.1")
    assert not shares.has_new_pieces()
    shares.deal(2)
    assert (shares.of(0), shares.of(1)) == ({Piece(str(log))}, frozenset())
    shares.begin(2, {})  # after a rollback to where nothing was read
    source = FileKind().open(
        settings,
        Opening({}, None, lambda: RecordSplitter(1 << 20, 64), share=shares.of(0)),
    )
    batch = source.next_batch()
    source.close()
    assert batch is not None
    assert batch.records == b"one\n"


def test_a_log_whose_name_is_no_text_keeps_its_position(tmp_path: Path) -> None:
    """Positions have such a name as a URI, and so have pieces."""
    log = tmp_path / os.fsdecode(b"caf\xe9.log")
    log.write_text("one\n")
    shares = _shares(tmp_path)
    shares.begin(1, {})
    position = {text_of_path(log): [1]}
    assert FileKind().part_of(position, shares.of(0)) == position
    log.unlink()
    shares.begin(1, position)
    assert FileKind().part_of(position, shares.of(0)) == position
