"""Any bytes through decoder, every tokenizer and vocabulary, guided by coverage (atheris).

    pip install atheris
    python -m benchmarks.fuzz_text log -max_total_time=600

The tokenizers are those of a group: log (and whitespace), unicode or languages. Nothing may crash
or hang; the text stays valid UTF-8; every record comes out as one; every token is counted, those
over the limit as dropped, with all their bytes; phrases only join.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris

# Kernels are compiled by Numba, which cannot take instrumented functions.
from streamer.tokenizers.kernels import collocations, logline  # noqa: F401

with atheris.instrument_imports(include=["streamer"]):
    from streamer.text.batch import Batch
    from streamer.text.decode import Decoder
    from streamer.text.multiline import MultilineSplitter
    from streamer.text.records import RecordSplitter
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
_LOG = LogTokenizer()
_GROUPS: dict[str, Callable[[], list[Tokenizer]]] = {
    "log": lambda: [
        WhitespaceTokenizer(),
        _LOG,
        *(LogTokenizer(split_words=split, keep_words=False) for split in (False, True)),
        LogTokenizer(split_words=True),
    ],
    "unicode": lambda: [
        open_tokenizer("unicode", {}),
        open_tokenizer("unicode", {"fold_case": "off", "nfkc": "on"}),
    ],
    "languages": lambda: [
        open_tokenizer("chinese", {}),
        open_tokenizer("japanese", {}),
        open_tokenizer("korean", {}),
    ],
}
_PHRASES = PhraseTokenizer(_LOG, threshold=0.5, min_count=0, max_token_bytes=MAX_TOKEN_BYTES)
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


def one_input(data: bytes, tokenizers: list[Tokenizer]) -> None:
    """Everything that is checked of some bytes."""
    splitter = RecordSplitter(MAX_LINE_BYTES, MAX_TOKEN_BYTES)
    multiline = MultilineSplitter(MAX_LINE_BYTES, MAX_TOKEN_BYTES, "[A-Z]")
    keeping = RecordSplitter(MAX_LINE_BYTES, MAX_TOKEN_BYTES, keep_runs=True)
    joined = _records(data, multiline)
    plain = _records(data, splitter)
    kept = _records(data, keeping)
    assert [t[:16] for t in joined.split()] == [t[:16] for t in plain.split()]
    assert b"".join(kept.split()) == b"".join(data.split())
    text = Decoder(keeping).decode(Batch(kept))
    assert text.count(b"\n") == kept.count(b"\n")
    Decoder(keeping, json_fields=("a", "b.c"), other_is_text=True).decode(Batch(kept)).decode()
    for tokenizer in tokenizers:
        records = _check(tokenizer, text)
        if tokenizer is _LOG:
            phrases = _check(_PHRASES, text)
            for tokens, joined_tokens in zip(records, phrases, strict=True):
                alone, together = b"".join(tokens), b"".join(joined_tokens)
                assert alone.replace(b"_", b"") == together.replace(b"_", b"")


def main() -> None:
    """Run until the time is over."""
    tokenizers = _GROUPS[sys.argv.pop(1)]()
    atheris.Setup(sys.argv, lambda data: one_input(data, tokenizers))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
