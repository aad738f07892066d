"""The command that scores lines: how much a snapshot's model expected each of them.

Lines become words exactly as when the model was trained: the snapshot says by which tokenizer.
"""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import numpy as np
import orjson

from streamer.commands.arguments import TextOptions, snapshot_argument, text_options
from streamer.commands.scoring_model import ScoringModel
from streamer.commands.tables import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamer.text.decode import Decoder
    from streamer.text.records import RecordSplitter
    from w2v_online.learning.score import Scores
    from w2v_online.learning.surprise import By, Of

_CHUNK_BYTES = 1 << 19
_MAX_LINE_BYTES = 1 << 20
"""As the default of ``run``: longer lines are several."""


@dataclass(frozen=True)
class Measure:
    """What makes a line surprising."""

    by: By
    of: Of


@dataclass(frozen=True)
class _ScoredText:
    """Some lines of the input with their scores."""

    numbers: list[int]
    lines: list[str]
    scores: Scores
    total_name: str
    measure: Measure

    @cached_property
    def surprise(self) -> NDArray[np.float64]:
        """float64[n]: the surprise of each line; 0 for one without words."""
        return self._by(self.measure.of)

    @cached_property
    def _parts(self) -> dict[str, NDArray[np.float64]]:
        """What of it is due to contexts, and what to rarity, each for itself."""
        return {"context": self._by("context"), "rarity": self._by("rarity")}

    def _by(self, of: Of) -> NDArray[np.float64]:
        return np.nan_to_num(self.scores.by_word.of_records(self.measure.by, of))

    def document(self, i: int, with_words: bool) -> dict[str, Any]:
        """What is known of line i."""
        scores = self.scores
        document: dict[str, Any] = {
            "line": self.numbers[i],
            "surprise": float(self.surprise[i]),
            **{name: float(values[i]) for name, values in self._parts.items()},
            self.total_name: float(scores.log_probability[i]),
            "predictions": int(scores.predictions[i]),
            "words": int(scores.words[i]),
            "unknown_words": int(scores.unknown_words[i]),
            "text": self.lines[i],
        }
        if with_words:
            first = int(scores.word_ends[i - 1]) if i else 0
            document["per_word"] = [self._word(n) for n in range(first, int(scores.word_ends[i]))]
        return document

    def _word(self, n: int) -> dict[str, Any]:
        log_p = float(self.scores.word_log_probability[n])
        return {
            "word": self.scores.word(n),
            "surprise": float(self.scores.word_surprise[n]),
            "rarity": float(self.scores.word_rarity[n]),
            self.total_name: None if math.isnan(log_p) else log_p,
        }


@click.command()
@snapshot_argument
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--by",
    type=click.Choice(["mean", "max", "pm4"]),
    default="mean",
    show_default=True,
    help="A line is as surprising as its words on average, as its most surprising word, or as "
    "their power mean (mean of v^4)^(1/4).",
)
@click.option(
    "--of",
    type=click.Choice(["context", "rarity", "both"]),
    default="context",
    show_default=True,
    help="A word is surprising beside its contexts, because it is rare, or for both reasons.",
)
@click.option(
    "--top", type=click.IntRange(min=1), metavar="K", help="Print the K most surprising lines."
)
@click.option(
    "--follow",
    is_flag=True,
    help="Take newer snapshots as they come; SNAPSHOT is a folder of them.",
)
@click.option("--words", "with_words", is_flag=True, help="Also print the score of each word.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a document for each line.")
@text_options
def score(
    snapshot: Path,
    file: BinaryIO,
    by: By,
    of: Of,
    top: int | None,
    follow: bool,
    with_words: bool,
    as_json: bool,
    text: TextOptions,
) -> None:
    """Print how surprising each line of FILE, or of standard input, is to a model.

    Columns: the line's number, surprise, log-probability, words, unknown words, the line.
    Log-probability is the sum of log p(word | context) over all words and their contexts, as in
    gensim's score. It is exact for models with --loss hs and softmax; negative sampling has no
    probabilities, and the column is the mean of log sigmoid(x . y).

    Surprise is per word, so that lines of any length compare. By context, the surprise of a word is
    the mean of -log p(word | context) over its contexts; with --loss ns, p is what the scores imply
    at the model's optimum. By rarity, it is -log of the word's share of the stream; so it is for a
    word without a vector or without contexts. The surprise of a line is the mean of its words', the
    maximum (--by max, for records with a single odd event), or between the two (--by pm4). All
    logarithms are natural. SNAPSHOT is a snapshot or a folder of snapshots.
    """
    from streamer.text.decode import Decoder
    from streamer.text.records import RecordSplitter

    model = ScoringModel(snapshot, text, follows=follow)
    lowercase = text.lowercase
    if lowercase is None:
        lowercase = bool(model.manifest.get("text", {}).get("lowercase", False))
    splitter = RecordSplitter(
        _MAX_LINE_BYTES, model.scorer.config.max_token_bytes, keep_runs=model.splits.is_separated
    )
    decoder = Decoder(splitter, lowercase=lowercase, json_fields=text.json_fields)
    parts = _scored(
        file, splitter, decoder, model, Measure(by, of), has_documents=bool(text.json_fields)
    )
    form = partial(_as_json if as_json else _as_text, with_words=with_words)
    if top is None:
        for part in parts:
            sys.stdout.write("".join(form(part, i) for i in range(len(part.lines))))
            sys.stdout.flush()
    else:
        sys.stdout.write("".join(_most_surprising(parts, top, form)))
    if failed := decoder.invalid_records + model.splits.failed_records:
        click.echo(f"{failed:,} lines could not be decoded or split", err=True)


def _scored(
    file: BinaryIO,
    splitter: RecordSplitter,
    decoder: Decoder,
    model: ScoringModel,
    measure: Measure,
    *,
    has_documents: bool,
) -> Iterator[_ScoredText]:
    """Score what comes, as it comes."""
    from streamer.text.batch import Batch
    from streamer.text.layers import text_pieces

    number = 0

    def read() -> bytes:
        # Whatever there is, up to a chunk: who pipes a live log in wants each line at once.
        chunk: bytes = file.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]
        return chunk

    name = "standard input" if file is sys.stdin.buffer else file.name
    for chunk in chain(text_pieces(read, name), [None]):
        text = b""
        numbers: list[int] = []
        for records, lines in _records(chunk, splitter, is_text=not has_documents):
            piece = decoder.decode(Batch(records)) if records else b""
            last = number + max(1, lines)
            count = piece.count(b"\n")
            text += piece
            numbers += range(number + 1, last + 1) if count == lines else [last] * count
            number += lines
        if not text:
            continue
        model.refresh()
        tokens = model.splits.tokenize(text)
        scores = model.scorer.score_text(tokens, separated=model.splits.is_separated)
        yield _ScoredText(
            numbers, text.decode().split("\n")[:-1], scores, model.scorer.total_name, measure
        )


def _records(
    chunk: bytes | None, splitter: RecordSplitter, *, is_text: bool
) -> Iterator[tuple[bytes, int]]:
    """Records of the input's next bytes, with the number of its lines that they end."""
    if chunk is None:
        yield splitter.flush(), 0
    elif is_text and splitter.pending_bytes + len(chunk) <= _MAX_LINE_BYTES:
        yield splitter.feed(chunk), chunk.count(b"\n")  # each line is one record
    else:
        for line in _lines(chunk):
            yield splitter.feed(line), line.count(b"\n")


def _lines(chunk: bytes) -> list[bytes]:
    *lines, rest = chunk.split(b"\n")
    return [line + b"\n" for line in lines] + ([rest] if rest else [])


def _most_surprising(
    parts: Iterable[_ScoredText], top: int, form: Callable[[_ScoredText, int], str]
) -> list[str]:
    """The lines with the greatest surprise, that first; of equal ones the earliest."""
    best: list[tuple[float, int, str]] = []
    for part in parts:
        surprise = part.surprise
        least = best[0][0] if len(best) == top else -np.inf
        for i in np.flatnonzero(surprise > least).tolist():
            if len(best) < top:
                heapq.heappush(best, (float(surprise[i]), -part.numbers[i], form(part, i)))
            elif surprise[i] > best[0][0]:
                heapq.heapreplace(best, (float(surprise[i]), -part.numbers[i], form(part, i)))
    return [line for _, _, line in sorted(best, reverse=True)]


def _as_json(part: _ScoredText, i: int, with_words: bool) -> str:
    return orjson.dumps(part.document(i, with_words), option=orjson.OPT_APPEND_NEWLINE).decode()


def _as_text(part: _ScoredText, i: int, with_words: bool) -> str:
    """A line of fields with tabs between them; with words, one more for each of these."""
    line = part.document(i, with_words)
    total = line[part.total_name]
    row = f"{line['line']}\t{line['surprise']:.4f}\t{total:.4f}\t{line['words']}"
    rows = [f"{row}\t{line['unknown_words']}\t{shown(line['text'])}\n"]
    for word in line.get("per_word", ()):
        log_p = "" if word[part.total_name] is None else f"{word[part.total_name]:.4f}"
        rows.append(f"\t{word['surprise']:.4f}\t{log_p}\t{shown(word['word'])}\n")
    return "".join(rows)
