"""Records depend on the bytes of a stream, not on the chunks they come in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamer.text.containers import ContainerSplitter
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter

_PIECE = st.one_of(
    st.sampled_from([b"\n", b" ", b"\r\n", b"word ", b"0123456789", b"x" * 70, b"\x00", b"\xff"]),
    st.binary(max_size=30),
)


def _split(
    text: bytes, cuts: list[int], max_line: int = 40, max_token: int = 8, keep_runs: bool = False
) -> list[bytes]:
    splitter = RecordSplitter(max_line, max_token, keep_runs=keep_runs)
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    records = b""
    for begin, end in pairwise(edges):
        piece = splitter.feed(text[begin:end])
        assert piece == b"" or piece.endswith(b"\n")
        assert len(splitter._tail) <= max_line
        records += piece
    records += splitter.flush()
    assert splitter.pending_bytes == 0
    return records.split(b"\n")[:-1]


@given(st.lists(_PIECE, max_size=40).map(b"".join), st.lists(st.integers(0, 500), max_size=30))
def test_chunks_do_not_matter_and_no_token_is_lost(text: bytes, cuts: list[int]) -> None:
    """Every token comes out, in order; only one longer than any record is cut, to 9 to 12 bytes."""
    whole = _split(text, [])
    assert _split(text, cuts) == whole
    assert all(len(record) <= 40 for record in whole)
    tokens = [token for record in whole for token in record.split()]
    assert [token[:9] for token in tokens] == [token[:9] for token in text.split()]
    shortened = [(cut, full) for cut, full in zip(tokens, text.split(), strict=True) if cut != full]
    assert all(len(full) > 40 and 9 <= len(cut) <= 12 for cut, full in shortened)
    assert all(full.startswith(cut) for cut, full in shortened)


@given(
    st.lists(st.sampled_from(["a", "日", "é日", "日🤦é日🤦", " ", "\n"]), max_size=60).map("".join),
    st.lists(st.integers(0, 500), max_size=30),
    st.integers(12, 20),
)
def test_a_token_that_is_cut_ends_with_a_character(
    text: str, cuts: list[int], max_line: int
) -> None:
    """Wherever the chunks end; and it is still too long to learn."""
    whole = _split(text.encode(), [], max_line)
    assert _split(text.encode(), cuts, max_line) == whole
    tokens = [token.decode() for record in whole for token in record.split()]
    for token, full in zip(tokens, text.split(), strict=True):
        assert full.startswith(token)
        assert token == full or len(token.encode()) > 8


@given(st.lists(_PIECE, max_size=40).map(b"".join), st.lists(st.integers(0, 500), max_size=30))
def test_runs_that_are_kept_lose_no_byte(text: bytes, cuts: list[int]) -> None:
    whole = _split(text, [], keep_runs=True)
    assert _split(text, cuts, keep_runs=True) == whole
    assert all(len(record) <= 40 for record in whole)
    assert b"".join(b"".join(whole).split()) == b"".join(text.split())


def test_runs_that_are_kept_are_cut_behind_marks_and_characters() -> None:
    """Chinese has no spaces: its lines are cut behind sentences, and never inside a character."""
    sentence = "我们出了一个叛徒。".encode()
    assert _split(3 * sentence, [], keep_runs=True) == [sentence] * 3
    for shift in range(3):
        records = _split(b"a" * shift + "界".encode() * 50, [], keep_runs=True)
        assert [len(record) for record in records[:3]] == [(40 - shift) // 3 * 3 + shift, 39, 39]
        assert "".join(record.decode() for record in records) == "a" * shift + "界" * 50


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=20))
def test_lines_within_the_limit_are_records_as_they_are(lines: list[bytes]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    assert _split(text, [3, 7, 50]) == lines


def test_position_is_the_next_records_first_byte() -> None:
    splitter = RecordSplitter(40, 8)
    text = b"one two\nthree " + b"x" * 100 + b" four\nfive"
    for byte in range(len(text)):
        splitter.feed(text[byte : byte + 1])
        done = byte + 1 - splitter.pending_bytes
        assert done == 0 or text[done - 1 : done] in b" \n"
    assert splitter.pending_bytes == len(b"five")


_LINES = st.lists(
    st.sampled_from([b"> one", b"> ", b"  at two", b"three", b"", b"x" * 30, b"> a\rb"]),
    max_size=12,
)


def _multiline(text: bytes, cuts: list[int]) -> tuple[list[bytes], list[int]]:
    """Records, and the position in the stream after each piece."""
    splitter = MultilineSplitter(40, 8, "> ")
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    records, positions = b"", []
    for begin, end in pairwise(edges):
        records += splitter.feed(text[begin:end])
        positions.append(end - splitter.pending_bytes)
        assert positions[-1] == len(records)
    return (records + splitter.flush()).split(b"\n")[:-1], positions


@given(_LINES, st.lists(st.integers(0, 200), max_size=20))
def test_records_of_several_lines_do_not_depend_on_chunks(
    lines: list[bytes], cuts: list[int]
) -> None:
    """A record begins where a line matches or does not fit; a position is a record's first byte."""
    text = b"".join(line + b"\n" for line in lines)
    expected: list[bytes] = []
    for line in lines:
        if expected and not line.startswith(b"> ") and len(expected[-1]) + 1 + len(line) <= 40:
            expected[-1] += b" " + line
        else:
            expected.append(line)
    records, positions = _multiline(text, cuts)
    assert records == expected
    starts, byte = {len(text)}, 0
    for record in expected:
        starts.add(byte)
        byte += len(record) + 1
    assert set(positions) <= starts


@given(
    st.lists(_PIECE, max_size=40).map(b"".join),
    st.lists(st.integers(0, 500), max_size=30),
    st.booleans(),
)
def test_joined_records_depend_on_no_chunk_and_lose_no_token(
    text: bytes, cuts: list[int], keep_runs: bool
) -> None:
    """Though lines are cut where there is no whitespace; nor on where someone went on from."""

    def fresh() -> MultilineSplitter:
        return MultilineSplitter(40, 8, "x", keep_runs=keep_runs)

    splitter = fresh()
    whole = splitter.feed(text) + splitter.flush()
    splitter = fresh()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    records = b""
    for begin, end in pairwise(edges):
        records += splitter.feed(text[begin:end])
        resumed = fresh()
        rest = text[end - splitter.pending_bytes :]
        assert records + resumed.feed(rest) + resumed.flush() == whole
    assert records + splitter.flush() == whole
    assert splitter.pending_bytes == 0
    assert all(len(record) <= 40 for record in whole.split(b"\n"))
    if keep_runs:
        assert b"".join(whole.split()) == b"".join(text.split())
    else:
        assert [t[:9] for t in whole.split()] == [t[:9] for t in text.split()]


def test_pieces_of_a_line_that_is_cut_stay_together_where_they_fit() -> None:
    """What stood before a token that is too long is not left alone."""
    splitter = MultilineSplitter(40, 8, "> ")
    assert splitter.feed(b"> four " + b"x" * 60 + b"\n") == b"> four xxxxxxxxx\n"


def test_a_record_begins_with_characters_whatever_their_colour() -> None:
    """A class of characters is none of bytes, and control sequences are no text."""
    splitter = MultilineSplitter(100, 8, "[「『]|(?i:é)")
    lines = ["「eins", "zwei", "あdrei", "\x1b[32m『vier\x1b[0m", "fünf", "Ésix"]
    text = "".join(line + "\n" for line in lines).encode() + b"\xe3\x80 not UTF-8\n"
    records = (splitter.feed(text) + splitter.flush()).splitlines()
    assert [len(record.split(b" ")) for record in records] == [3, 2, 4]


@given(st.lists(_PIECE, max_size=20).map(b"".join), st.integers(0, 200), st.integers(0, 2))
def test_a_copy_goes_on_alone_and_leaves_the_first_as_it_was(
    text: bytes, cut: int, kind: int
) -> None:
    splitter: RecordSplitter = RecordSplitter(40, 8) if kind else MultilineSplitter(40, 8, "x")
    if kind == 2:
        splitter = ContainerSplitter(splitter, 40)
        text = b"".join(
            b"2026-01-01T00:00:00Z stdout P " + line + b"\n" for line in text.split(b"\n")
        )
    splitter.feed(text[:cut])
    other = splitter.copied()
    rest = other.feed(text[cut:]) + other.flush()
    assert splitter.feed(text[cut:]) + splitter.flush() == rest
