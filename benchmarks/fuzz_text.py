"""Any bytes through decoder, every tokenizer and vocabulary, guided by coverage (atheris).

    pip install atheris
    python -m benchmarks.fuzz_text -max_total_time=600

Nothing may crash or hang; the text stays valid UTF-8; every record comes out as one; every token is
counted, those over the limit as dropped, with all their bytes; phrases only join.
"""

from __future__ import annotations

import sys

import atheris

# Kernels are compiled by Numba, which cannot take instrumented functions.
from streamer.tokenizers.kernels import collocations, logline  # noqa: F401

with atheris.instrument_imports(include=["streamer"]):
    from streamer.decode import Decoder
    from streamer.sources.base import Batch
    from streamer.sources.multiline import MultilineSplitter
    from streamer.sources.records import RecordSplitter
    from streamer.tokenizers.base import Tokenizer
    from streamer.tokenizers.log import LogTokenizer
    from streamer.tokenizers.phrases import PhraseTokenizer
    from streamer.tokenizers.registry import open_tokenizer
    from streamer.tokenizers.whitespace import WhitespaceTokenizer
    from w2v_online import LearnerConfig, OnlineWord2Vec

MAX_LINE_BYTES, MAX_TOKEN_BYTES = 1024, 16

_CONFIG = LearnerConfig(
    vector_size=2, max_vocab_size=50, min_count=1, max_token_bytes=MAX_TOKEN_BYTES
)
_TOKENIZERS: list[Tokenizer] = [
    WhitespaceTokenizer(),
    *(
        LogTokenizer(split_words=split, keep_words=keep)
        for split in (False, True)
        for keep in (False, True)
    ),
    open_tokenizer("unicode", {}),
    open_tokenizer("unicode", {"fold_case": "off", "nfkc": "on"}),
    open_tokenizer("chinese", {}),
]
_PHRASES = PhraseTokenizer(
    LogTokenizer(), threshold=0.5, min_count=0, max_token_bytes=MAX_TOKEN_BYTES
)
_LEARNER = OnlineWord2Vec(_CONFIG)


def _records(data: bytes, splitter: RecordSplitter) -> bytes:
    middle = len(data) // 2
    return splitter.feed(data[:middle]) + splitter.feed(data[middle:]) + splitter.flush()


def _check(tokenizer: Tokenizer, text: bytes) -> list[list[bytes]]:
    tokens = bytes(tokenizer.tokenize(text))
    tokens.decode()
    if tokenizer.is_separated:
        records = [record.split(b"\x1f") for record in tokens.split(b"\x1e")[:-1]]
    else:
        records = [record.split() for record in tokens.split(b"\n")[:-1]]
    records = [[token for token in record if token] for record in records]
    assert len(records) == text.count(b"\n"), "a record was lost"

    vocabulary = _LEARNER.vocabulary
    before = _LEARNER.totals()
    stats = _LEARNER.learn_text(tokens, separated=tokenizer.is_separated)
    dropped = vocabulary.dropped_tokens - before["dropped_tokens"]
    flat = [token for record in records for token in record]
    assert stats.records == len(records)
    assert stats.words == len(flat)
    assert dropped == sum(len(token) > MAX_TOKEN_BYTES for token in flat)
    return records


def one_input(data: bytes) -> None:
    """Everything that is checked of some bytes."""
    splitter = RecordSplitter(MAX_LINE_BYTES, MAX_TOKEN_BYTES)
    multiline = MultilineSplitter(MAX_LINE_BYTES, MAX_TOKEN_BYTES, "[A-Z]")
    joined = _records(data, multiline)
    plain = _records(data, splitter)
    assert [t[:16] for t in joined.split()] == [t[:16] for t in plain.split()]
    text = Decoder(splitter).decode(Batch(plain))
    assert text.count(b"\n") == plain.count(b"\n")
    for tokenizer in _TOKENIZERS:
        records = _check(tokenizer, text)
        if isinstance(tokenizer, LogTokenizer):
            last = records
    phrases = _check(_PHRASES, text)
    plain_log = _check(_TOKENIZERS[2], text)
    for tokens, joined_tokens in zip(plain_log, phrases, strict=True):
        assert b"".join(tokens).replace(b"_", b"") == b"".join(joined_tokens).replace(b"_", b"")
    assert len(last) == len(phrases)


def main() -> None:
    """Run until the time is over."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
