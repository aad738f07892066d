"""Decoding yields valid UTF-8 and loses no word."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import SourceError
from streamer.text.batch import Batch, MessageList
from streamer.text.decode import Decoder
from streamer.text.origins import Origins, Stretch
from streamer.text.records import RecordSplitter


def _decoder(**options: Any) -> Decoder:
    return Decoder(RecordSplitter(1024, 64), **options)


def _decoded(decoder: Decoder, records: bytes) -> bytes:
    return decoder.decode(Batch(records))


@given(st.binary().map(lambda data: data + b"\n"), st.booleans())
def test_any_bytes_become_valid_text_with_the_same_lines(data: bytes, lowercase: bool) -> None:
    decoder = _decoder(lowercase=lowercase)
    decoded = _decoded(decoder, data)
    text = decoded.decode()
    assert decoded.count(b"\n") == data.count(b"\n")
    invalid = 0
    for line in data.split(b"\n"):
        try:
            line.decode()
        except UnicodeDecodeError:
            invalid += 1
    assert decoder.invalid_records == invalid
    is_clean = not any(sign in data for sign in (b"\x1b", b"\0", b"\xc2\xad", b"\xe2"))
    if not lowercase and is_clean:
        assert text == data.decode(errors="replace") or invalid or "\ufeff" in data.decode()


def test_invalid_bytes_cost_only_themselves() -> None:
    decoder = _decoder()
    assert _decoded(decoder, b"good caf\xe9 day\nfine\n").decode() == "good caf\ufffd day\nfine\n"
    assert decoder.invalid_records == 1


def test_lowercase_reaches_beyond_ascii() -> None:
    decoder = _decoder(lowercase=True)
    assert _decoded(decoder, "ÀÉ Straße ABC\n".encode()).decode() == "àé straße abc\n"
    assert _decoded(decoder, b"ABC\n") == b"abc\n"


@pytest.mark.parametrize("lead", ["", "a", "aa"])
def test_a_token_too_long_to_learn_stays_text_when_it_is_cut(lead: str) -> None:
    """In a message, which is cut after decoding, and in a file's line, which is cut before."""
    message = f"{lead}{'日本' * 1000}".encode()
    messages = MessageList([({"offset": 0}, message)])
    cut = _decoder(lowercase=True).decode(Batch(messages.records, messages=messages))
    assert message.startswith(cut[:-1])
    assert 64 < len(cut.decode().encode()) - 1 <= 68
    decoder = _decoder(stop_at_errors=True)
    splitter = RecordSplitter(1024, 64)
    assert _decoded(decoder, splitter.feed(message + b"\n")) == cut
    assert decoder.invalid_records == 0


def test_json_text_tokens_and_records() -> None:
    """A string is text, a list of strings or numbers a record, a list of lists records."""
    decoder = _decoder(json_fields=("text", "deep.tokens"))
    documents = [
        {"text": "one two\nthree", "deep": {"tokens": ["a b", "c\nd", 5, 0.5]}},
        {"deep": {"tokens": [["x"], ["y", "z"], []]}},
        {"text": None, "deep": {"tokens": 7}},
        {"text": ""},
    ]
    lines = b"".join(orjson.dumps(document) + b"\n" for document in documents)
    assert _decoded(decoder, lines + b"\n") == (b"one two\nthree\na b c d 5 0.5\nx\ny z\n7\n")
    assert decoder.invalid_records == 0


def test_json_lists_on_the_way_and_keys_with_dots() -> None:
    """A list stands for its members; a key may hold the dots of its path."""
    decoder = _decoder(json_fields=("events.message", "log.text", "labels.app.io/name"))
    documents = [
        {"events": [{"message": "one"}, {"other": 1}, {"message": ["two", 3]}, "no"]},
        [{"log.text": "four"}, {"log": {"text": "five"}}],
        {"labels": {"app.io/name": "six"}},
    ]
    lines = b"".join(orjson.dumps(document) + b"\n" for document in documents)
    assert _decoded(decoder, lines) == b"one\ntwo 3\nfour\nfive\nsix\n"
    assert decoder.invalid_records == 0


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (list(b"\x1b[31merror\x1b[0m disk"), b"error disk\n"),
        (["one", list(b"t\xffwo")], "one t\ufffdwo\n".encode()),
        ([7, 300], b"7 300\n"),
        ("as ever", b"as ever\n"),
    ],
)
def test_bytes_of_the_systemd_journal_are_text(message: object, text: bytes) -> None:
    """What is not printable in an entry, ``journalctl -o json`` writes as numbers."""
    entry = {"MESSAGE": message, "__REALTIME_TIMESTAMP": "1700000000000000"}
    decoder = _decoder(json_fields=("MESSAGE",))
    assert _decoded(decoder, orjson.dumps(entry) + b"\n") == text
    assert _decoded(decoder, b'{"MESSAGE": [104, 105]}\n') == b"104 105\n"


def test_what_is_no_json_object_is_text_if_so_configured() -> None:
    """Objects without the field stay errors; text that is not UTF-8 is counted and kept."""
    decoder = _decoder(json_fields=("text",), other_is_text=True)
    lines = b'{"text": "a b"}\n[INFO] plain { text\n12\n[1]\n{"other": 1}\n\ncaf\xe9 x\n"q"\n'
    assert _decoded(decoder, lines).decode() == (
        'a b\n[INFO] plain { text\n12\n[1]\ncaf\ufffd x\n"q"\n'
    )
    assert decoder.invalid_records == 2


_NESTED = b'{"text":%s"x"%s}' % (b"[" * 1000, b"]" * 1000)


@pytest.mark.parametrize(
    "document",
    [
        b"{",
        b"[1]",
        b'{"other": 1}',
        b'{"text": true}',
        b'{"text": [{}]}',
        b"\xff",
        _NESTED,
        b"[" * 1000 + b'{"text": "x"}' + b"]" * 1000,
    ],
)
def test_bad_documents_are_counted_or_stop(document: bytes) -> None:
    decoder = _decoder(json_fields=("text",))
    good = b'{"text": "good"}\n'
    assert _decoded(decoder, good + document + b"\n" + good) == b"good\ngood\n"
    assert decoder.invalid_records == 1
    with pytest.raises(SourceError, match="--errors skip"):
        _decoded(_decoder(json_fields=("text",), stop_at_errors=True), document + b"\n")


@given(st.binary())
def test_any_bytes_as_json_are_counted_and_nothing_else(data: bytes) -> None:
    decoder = _decoder(json_fields=("a", "b.c"), other_is_text=len(data) % 2 == 1)
    assert _decoded(decoder, data + b"\n").decode().isascii() in (True, False)
    assert decoder.invalid_records <= data.count(b"\n") + 1


def test_long_lines_out_of_json_are_cut() -> None:
    text = "word " * 1000
    decoded = _decoded(_decoder(json_fields=("t",)), orjson.dumps({"t": text}))
    assert decoded.split() == [b"word"] * 1000
    assert max(map(len, decoded.split(b"\n"))) <= 1024


def test_errors_stop_means_text_too() -> None:
    with pytest.raises(SourceError, match="not UTF-8"):
        _decoded(_decoder(stop_at_errors=True), b"fine\n\xff\n")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[31mERROR\x1b[0m disk\n", b"ERROR disk\n"),
        (b"\x1b[1;32mINFO\x1b[0m\x1b[2m ok\x1b[m\n", b"INFO ok\n"),
        (b"\x1b[38:2::255:0:0mred\x1b[K\x1b(B\n", b"red\n"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 end\n", b"link end\n"),
        (b"cut \x1b[31\nnext \x1b\n", b"cut \nnext \n"),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb \xef\xbb\xbfc\n", b"a\nb \xef\xbb\xbfc\n"),
        (b"\xef\xbb\xbf\xef\xbb\xbfa\n", b"a\n"),
        (b"\0\0a\0b\n", b"ab\n"),
        ("exam\u00adple \u202eabc\u202c a\u200db\n".encode(), "example abc a\u200db\n".encode()),
        (
            "\u2066x\u2069 \u2060y \u200ez \u2014 \u2070\n".encode(),
            "x y z \u2014 \u2070\n".encode(),
        ),
    ],
)
def test_what_terminals_and_editors_put_between_words_is_no_text(raw: bytes, text: bytes) -> None:
    assert _decoded(_decoder(), raw) == text
    decoder = _decoder(json_fields=("m",))
    document = orjson.dumps({"m": raw.decode().removesuffix("\n")}) + b"\n"
    if raw.count(b"\n") == 1:
        assert _decoded(decoder, document) == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_messages_in_utf_16_are_read(encoding: str) -> None:
    text = "a message of some length " * 6 + "\u0141\u017a"  # these are ASCII, byte by byte
    plain = text.encode(encoding)
    document = f'{{"m": "{text}"}}'.encode(encoding)
    for decoder, message in [(_decoder(), plain), (_decoder(json_fields=("m",)), document)]:
        batch = Batch(message + b"\n", messages=MessageList([({"offset": 1}, message)]))
        assert decoder.decode(batch) == text.encode() + b"\n"
        assert decoder.invalid_records == 0


def test_errors_stop_says_where_the_record_stands() -> None:
    decoder = _decoder(stop_at_errors=True)
    places = Origins()
    text = b"ok\nb\xffd\n"
    places.add(text, Stretch(text, 0, text.count(b"\n"), {"file": "x.log"}))
    with pytest.raises(SourceError, match=r"x\.log, line 2: not UTF-8: .* at byte 1; "):
        decoder.decode(Batch(text, places=places))
    origin: dict[str, str | int] = {"topic": "t", "partition": 0, "offset": 7}
    with pytest.raises(SourceError, match="topic t, partition 0, offset 7: not UTF-8"):
        decoder.decode(Batch(b"\xff\n", messages=MessageList([(origin, b"\xff")])))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b'{"m": "nan", "load": NaN}\n', b"nan\n"),
        (b'\x1e{"m": "a text sequence"}\n', b"a text sequence\n"),
        (b'{"m": "inf", "load": -Infinity}\n', b"inf\n"),
        (b'{"m": "half \\ud83d pair"}\n', b"half ? pair\n"),
        (b'{"m": "deep", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}\n", b""),
    ],
)
def test_json_as_programs_write_it_is_read(document: bytes, text: bytes) -> None:
    decoder = _decoder(json_fields=("m",))
    assert _decoded(decoder, document) == text
    assert decoder.invalid_records == (not text)


class _Letters:
    """Dead letters that are stored, or not."""

    def __init__(self) -> None:
        self.is_stored = False
        self.sent: list[bytes] = []

    def send(self, document: bytes, origin: dict[str, str | int], reason: str) -> None:
        assert origin
        assert reason
        self.sent.append(document)

    def settle(self) -> bool:
        return self.is_stored


def test_positions_wait_until_dead_letters_are_stored() -> None:
    letters = _Letters()
    decoder = _decoder(dead_letters=letters)
    decoder.decode(Batch(b"\xff\n", messages=MessageList([({"offset": 1}, b"\xff")])))
    assert letters.sent == [b"\xff"]
    assert not decoder.settle()
    letters.is_stored = True
    assert decoder.settle()
    assert _decoder().settle()
