"""Where a record came from is told rightly, however the text was cut on its way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.sources.file.source import FileSource
from streamer.text.batch import Batch, MessageList, Origin
from streamer.text.containers import ContainerSplitter
from streamer.text.decode import Decoder
from streamer.text.multiline import MultilineSplitter
from streamer.text.origins import Origins, Stretch, TracedStream
from streamer.text.records import RecordSplitter
from streamer.text.trace import Trace
from tests.streamer.followed import Reports

LIMITS = 4096, 64
_RANDOM = random.Random(5)


def _line(number: int) -> str:
    words = " ".join(str(_RANDOM.random()) for _ in range(_RANDOM.choice([0, 1, 3, 300])))
    return f"{number} {words}\n" if number % 7 else "\n"


_LINES = [_line(number) for number in range(4000)]
_STACKS = [line if number % 3 else "AT " + line for number, line in enumerate(_LINES)]
_TIME = "2026-01-31T12:00:00Z"
_CRI = [
    f"{_TIME} {'stdout' if number % 5 else 'stderr'} {'P' if number % 11 == 3 else 'F'} {line}"
    for number, line in enumerate(_LINES)
]

_SPLIT: dict[str, tuple[list[str], Callable[[], RecordSplitter]]] = {
    "lines": (_LINES, lambda: RecordSplitter(*LIMITS)),
    "uncut": (_LINES, lambda: RecordSplitter(1 << 20, 64)),
    "runs": (_LINES, lambda: RecordSplitter(*LIMITS, keep_runs=True)),
    "stacks": (_STACKS, lambda: MultilineSplitter(*LIMITS, "AT ")),
    "container": (_CRI, lambda: ContainerSplitter(RecordSplitter(1 << 15, 64), 1 << 15)),
}


def _read(file: Path, make_splitter: Callable[[], RecordSplitter], stop_at: int) -> list[Origin]:
    """Origins of all records, with a stop as if killed after so many batches."""
    origins: list[Origin] = []
    position: dict[str, object] = {}
    batches = 0
    while True:
        source = FileSource(
            [str(file)], follow=False, make_splitter=make_splitter, position=position, log=Reports()
        )
        while (batch := source.next_batch()) is not None:
            begin = 0
            for record in batch.records.splitlines(keepends=True):
                assert batch.places is not None
                origins.append(batch.places.at(begin))
                begin += len(record)
            position = orjson.loads(orjson.dumps(batch.position))
            batches += 1
            if batches == stop_at:
                break
        source.close()
        if batch is None:
            return origins


@pytest.mark.parametrize("name", _SPLIT)
def test_each_record_has_an_origin_of_its_own_and_keeps_it(name: str, tmp_path: Path) -> None:
    """Also after the process ended in between; where records are lines, byte and line hold them."""
    lines, make_splitter = _SPLIT[name]
    file = tmp_path / "a.log"
    text = "".join(lines)
    file.write_text(text)
    origins = _read(file, make_splitter, 0)
    assert len({tuple(sorted(origin.items())) for origin in origins}) == len(origins)
    assert _read(file, make_splitter, 1) == origins
    begins = [0, *(i + 1 for i, byte in enumerate(text) if byte == "\n")]
    for origin in origins:
        byte, line = int(origin["byte"]), int(origin["line"])
        assert begins[line - 1] <= byte < begins[line], "the byte is in the line"
    if name == "uncut":
        assert [origin["line"] for origin in origins] == list(range(1, len(lines) + 1))


def test_the_decoder_keeps_which_document_a_record_came_from() -> None:
    """Of equal lines, documents with several records, bad ones, and lines that it cuts."""
    long = "w" * 60 + " "
    documents = [
        {"m": "same"},
        {"m": ["a", "b"]},
        {"other": 1},
        {"m": "same\nsame"},
        {"m": long * 100},
        {"m": "last"},
    ]
    raw = [orjson.dumps(document) for document in documents]
    messages = MessageList([({"offset": i}, text) for i, text in enumerate(raw)])
    batch = Batch(messages.records, messages=messages)
    decoder = Decoder(RecordSplitter(*LIMITS), json_fields=("m",))
    trace = Trace(batch)
    text = decoder.decode(batch, trace)
    origins = [trace.origin(i) for i in range(text.count(b"\n"))]
    assert [origin["offset"] for origin in origins] == [0, 1, 3, 3, 4, 4, 5]
    assert [origin.get("record", 1) for origin in origins] == [1, 1, 1, 2, 1, 2, 1]


@pytest.mark.parametrize("bad", [b"", b"\xff"])
def test_messages_of_plain_text_keep_theirs(bad: bytes) -> None:
    """As a whole batch and, where one is not UTF-8, one by one."""
    texts = [b"one\n", b"two\nthree", b"w" * 60 + b" " + b"x " * 5000, bad + b"end"]
    messages = MessageList([({"offset": i}, text) for i, text in enumerate(texts)])
    batch = Batch(messages.records, messages=messages)
    trace = Trace(batch)
    text = Decoder(RecordSplitter(*LIMITS)).decode(batch, trace)
    origins = [trace.origin(i) for i in range(text.count(b"\n"))]
    assert [origin["offset"] for origin in origins] == [0, 1, 1, 2, 2, 2, 3]
    assert [origin.get("record", 1) for origin in origins] == [1, 1, 2, 1, 2, 3, 1]


class _Bytes:
    """Lines whose place is their byte."""

    def at(self, byte: int) -> Origin:
        return {"byte": byte}


def test_a_line_that_decoding_makes_longer_than_lines_may_be_is_one_record() -> None:
    """Each invalid byte becomes three; lines behind it are where they were."""
    long = b"\xff" * (LIMITS[0] - 100) + b" end\n"
    batch = Batch(long + b"last\n", places=_Bytes())
    trace = Trace(batch)
    text = Decoder(RecordSplitter(*LIMITS)).decode(batch, trace)
    origins = [trace.origin(i) for i in range(text.count(b"\n"))]
    assert origins == [{"byte": 0}, {"byte": len(long)}]


def test_a_very_long_line_takes_no_more_time_than_its_length(tmp_path: Path) -> None:
    """It is neither copied with each piece nor kept twice; its place, and what follows, is told."""
    file = tmp_path / "a.log"
    long = b"word " * 4_000_000
    file.write_bytes(b"first\n" + long + b"\nlast\n")
    origins = _read(file, lambda: RecordSplitter(1 << 30, 64), 0)
    assert [origin["byte"] for origin in origins] == [0, 6, 6 + len(long) + 1]
    began = time.process_time()
    splitter, traced, places = RecordSplitter(1 << 30, 64), TracedStream(), Origins()
    for piece in range(400):
        stretch = Stretch(b"x" * 250_000, 250_000 * (piece + 1), 0, {})
        traced.split(splitter, lambda s, text=stretch.text: s.feed(text), stretch, places)
    assert time.process_time() - began < 5.0


def _origin_by_splitting_again(records: bytes, stretch: Stretch, byte: int) -> Origin:
    """For one record alone: the stretch is split up to it."""
    offset, index = byte, 0
    if stretch.splitter is not None:
        splitter = stretch.splitter.copied()
        wanted = records.count(b"\n", 0, byte)
        taken = splitter.pending_bytes
        offset = complete = base = 0
        for line in stretch.text[taken:].splitlines(keepends=True):
            new = splitter.feed(line).count(b"\n")
            taken += len(line)
            if complete + new > wanted:
                break
            complete += new
            if new and taken - splitter.pending_bytes > offset:
                offset, base = taken - splitter.pending_bytes, complete
        index = wanted - base
    origin: Origin = {**stretch.source, "byte": max(0, stretch.begin + offset)}
    origin["line"] = max(0, stretch.lines - stretch.text.count(b"\n", max(0, offset))) + 1
    return origin | ({"record": index + 1} if index else {})


class _Noted(Origins):
    """Keeps what it was told of."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[bytes, Stretch]] = []

    def add(self, records: bytes, stretch: Stretch) -> None:
        super().add(records, stretch)
        self.noted.append((records, stretch))


def _traced(splitter: RecordSplitter, text: bytes, edges: list[int]) -> _Noted:
    """Of text that is read in pieces, as a source reads it."""
    traced, places, read = TracedStream(), _Noted(), 0
    for end in [*edges, len(text)]:
        piece = text[read:end]
        read = end
        stretch = Stretch(piece, end, text.count(b"\n", 0, end), {"file": "a"})
        traced.split(splitter, lambda s, piece=piece: s.feed(piece), stretch, places)
    rest = Stretch(b"", len(text), text.count(b"\n"), {"file": "a"})
    traced.split(splitter, lambda s: s.flush(), rest, places)
    return places


_PIECES = [b"\n", b" ", b"\r", b"AT x\n", b"word ", b"word\n", b"x" * 70, b"y " * 30]
_PIECES += [f"{_TIME} {kind} ".encode() for kind in ("stdout F", "stdout P", "stderr F")]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(_PIECES), max_size=60).map(b"".join),
    st.lists(st.integers(0, 600), max_size=8),
    st.sampled_from(["lines", "runs", "stacks", "container", "stacks of a container"]),
    st.booleans(),
)
def test_all_origins_are_what_splitting_again_for_each_tells(
    text: bytes, cuts: list[int], kind: str, is_of_container: bool
) -> None:
    if is_of_container:
        text = f"{_TIME} stdout F begun\n".encode() + text
    stacks = MultilineSplitter(40, 8, "AT ")
    splitter = {
        "lines": RecordSplitter(40, 8),
        "runs": RecordSplitter(40, 8, keep_runs=True),
        "stacks": stacks,
        "container": ContainerSplitter(RecordSplitter(40, 8), 100),
        "stacks of a container": ContainerSplitter(stacks, 100),
    }[kind]
    places = _traced(splitter, text, sorted(cut for cut in cuts if cut < len(text)))
    begin = 0
    for records, stretch in places.noted:
        for byte in range(len(records)):
            expected = _origin_by_splitting_again(records, stretch, byte)
            assert places.at(begin + byte) == expected
        begin += len(records)


def test_what_follows_a_line_that_was_cut_has_the_same_origin_however_it_was_read() -> None:
    """Its records have a line feed more, as have those of a stream that ends without one."""
    text = b"a\n" + b"x" * 60 + b"\nfirst\n\nsecond\nthird"
    begins_of_lines = [0, 2, 63, 69, 70, 77]
    for edges in [[], [len(text) - 2], [2, 63], [30, 50], [66]]:
        places = _traced(RecordSplitter(40, 8, keep_runs=True), text, edges)
        records = b"".join(records for records, _ in places.noted)
        begins = [0, *(i + 1 for i, byte in enumerate(records[:-1]) if byte == ord("\n"))]
        origins = [places.at(begin) for begin in begins]
        del origins[2]  # the rest of the line that was cut
        assert [origin["byte"] for origin in origins] == begins_of_lines
        assert [origin["line"] for origin in origins] == [1, 2, 3, 4, 5, 6]


def test_a_stretch_is_split_once_for_all_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question for each line, as --group-by asks about lines without a key."""
    fed: list[bytes] = []
    feed = ContainerSplitter.feed

    def counted(self: ContainerSplitter, data: bytes) -> bytes:
        fed.append(data)
        return feed(self, data)

    monkeypatch.setattr(ContainerSplitter, "feed", counted)
    lines = 500
    text = b"".join(f"{_TIME} stdout F line {number}\n".encode() for number in range(lines))
    places = _traced(ContainerSplitter(RecordSplitter(*LIMITS), 1 << 15), text, [])
    assert len(fed) == 1
    [(records, _)] = places.noted
    begins = [0, *(i + 1 for i, byte in enumerate(records[:-1]) if byte == ord("\n"))]
    assert [places.at(begin)["line"] for begin in begins] == list(range(1, lines + 1))
    assert len(fed) == 1 + lines
