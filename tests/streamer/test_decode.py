"""Decoding yields valid UTF-8 and loses no word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.decode import TextDecoder


@given(st.binary(), st.booleans())
def test_any_bytes_become_valid_text_with_the_same_lines(data: bytes, lowercase: bool) -> None:
    decoder = TextDecoder(lowercase=lowercase)
    decoded = decoder.decode(data)
    text = decoded.decode()
    assert decoded.count(b"\n") == data.count(b"\n")
    invalid = 0
    for line in data.split(b"\n"):
        try:
            line.decode()
        except UnicodeDecodeError:
            invalid += 1
    assert decoder.invalid_records == invalid
    if not lowercase:
        assert text == data.decode(errors="replace") or invalid


def test_invalid_bytes_cost_only_themselves() -> None:
    decoder = TextDecoder()
    assert decoder.decode(b"good caf\xe9 day\nfine\n").decode() == "good caf\ufffd day\nfine\n"
    assert decoder.invalid_records == 1


def test_lowercase_reaches_beyond_ascii() -> None:
    decoder = TextDecoder(lowercase=True)
    assert decoder.decode("ÀÉ Straße ABC\n".encode()).decode() == "àé straße abc\n"
    assert decoder.decode(b"ABC\n") == b"abc\n"
