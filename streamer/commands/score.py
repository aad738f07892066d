"""The command that scores lines: how much a snapshot's model expected each of them.

Lines become words exactly as when the model was trained: the snapshot says by which tokenizer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, get_args

import click
import numpy as np
import orjson

from streamer.commands.arguments import TextOptions, require_folder, snapshot_argument, text_options
from streamer.commands.scoring_model import ScoringModel
from streamer.commands.tables import for_stdout
from streamer.controls import shown
from w2v_online.config import By, Of

if TYPE_CHECKING:
    from streamer.scoring.lines import ScoredLines
    from streamer.text.decode import Decoder
    from streamer.text.records import RecordSplitter

_CHUNK_BYTES = 1 << 19
_MAX_LINE_BYTES = 1 << 20
"""As the default of ``run``: longer lines are several."""


@dataclass(frozen=True)
class _Part:
    """Some lines of the input with their scores."""

    numbers: list[int]
    lines: list[str]
    scored: ScoredLines

    def document(self, i: int, with_words: bool) -> dict[str, Any]:
        """What is known of line i."""
        scores = self.scored.scores
        document: dict[str, Any] = {
            "line": self.numbers[i],
            **self.scored.figures(i),
            "predictions": int(scores.predictions[i]),
            "words": int(scores.words[i]),
            "unknown_words": int(scores.unknown_words[i]),
            "text": self.lines[i],
        }
        if with_words:
            document["per_word"] = self.scored.words(i)
        return document


@click.command()
@snapshot_argument
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    help="A line is as surprising as its words on average, as its most surprising word, or as "
    "their power mean (mean of v^4)^(1/4). Default: as run --alerts measured, or else mean.",
)
@click.option(
    "--of",
    type=click.Choice(get_args(Of)),
    help="A word is surprising beside its contexts, because it is rare, or for both reasons. "
    "Default: as run --alerts measured, or else context.",
)
@click.option(
    "--top", type=click.IntRange(min=1), metavar="K", help="Print the K most surprising lines."
)
@click.option(
    "--kinds",
    is_flag=True,
    help="With --top: of lines that differ in numbers only, print the most surprising one.",
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
    by: By | None,
    of: Of | None,
    top: int | None,
    kinds: bool,
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

    Surprise is per word, so lines of different length can be compared. With --of context, the
    surprise of a word is the mean of -log p(word | context) over its contexts; with --loss ns, p is
    what the scores imply at the model's optimum. With --of rarity, and for a word without a vector
    or without contexts, it is -log of the word's share of the stream. The surprise of a line is the
    mean over its words (--by mean), the maximum (--by max, for records with a single odd event), or
    between the two (--by pm4). All logarithms are natural.

    A model that was learned with --json-field takes the same fields of lines that are JSON objects.
    If the model was learned by run --alerts, and --by and --of are as there, a column p follows the
    surprise: the share of recent records that were at least as surprising when they came. SNAPSHOT
    is a snapshot or a folder of snapshots; annealed vectors are used where they are the newest.
    """
    from streamer.sources.stdin.source import check_stdin
    from streamer.text.decode import Decoder
    from streamer.text.records import RecordSplitter

    if file is sys.stdin.buffer:
        check_stdin()
    if kinds and top is None:
        raise click.UsageError("--kinds is for --top: it prints one line of each kind")
    if follow:
        require_folder(snapshot)
    model = ScoringModel(snapshot, by, of, text, follows=follow)
    trained = model.manifest.get("text", {})
    lowercase = trained.get("lowercase", False) if text.lowercase is None else text.lowercase
    fields = text.json_fields or tuple(trained.get("json_field", ()))
    splitter = RecordSplitter(
        _MAX_LINE_BYTES, model.max_token_bytes, keep_runs=model.splits.is_separated
    )
    # What is no JSON object is text, as for embed; with --json-field it is invalid.
    decoder = Decoder(
        splitter,
        lowercase=bool(lowercase),
        json_fields=fields,
        other_is_text=not text.json_fields,
    )
    parts = _scored(file, splitter, decoder, model, has_documents=bool(fields))
    as_text = partial(_as_text, with_p=model.has_p_values)
    form = partial(_as_json if as_json else as_text, with_words=with_words)
    if top is None:
        for part in parts:
            sys.stdout.write("".join(form(part, i) for i in range(len(part.lines))))
            sys.stdout.flush()
    else:
        sys.stdout.write("".join(_most_surprising(parts, top, form, is_by_kind=kinds)))
    if failed := decoder.invalid_records + model.splits.failed_records:
        click.echo(f"{failed:,} lines could not be decoded or split", err=True)


def _scored(
    file: BinaryIO,
    splitter: RecordSplitter,
    decoder: Decoder,
    model: ScoringModel,
    *,
    has_documents: bool,
) -> Iterator[_Part]:
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
        yield _Part(numbers, text.decode().split("\n")[:-1], model.score(text))


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
    parts: Iterator[_Part], top: int, form: Callable[[_Part, int], str], *, is_by_kind: bool
) -> list[str]:
    """The lines with the greatest surprise, that first; of equal ones the earliest."""
    from streamer.alerts.kinds import kind_of
    from streamer.scoring.top import MostSurprising

    best = MostSurprising(top, kind_of if is_by_kind else None)
    for part in parts:
        surprise = part.scored.surprise
        for i in np.flatnonzero(surprise > best.least()).tolist():
            if surprise[i] > best.least():
                best.offer(float(surprise[i]), part.lines[i], form(part, i))
    return best.printed()


def _as_json(part: _Part, i: int, with_words: bool) -> str:
    document = part.document(i, with_words)
    return for_stdout(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE).decode())


def _as_text(part: _Part, i: int, with_words: bool, with_p: bool) -> str:
    """A line of fields with tabs between them; with words, one more for each of these."""
    line = part.document(i, with_words)
    total_name = part.scored.total_name
    fields = [f"{line['line']}", f"{line['surprise']:.4f}"]
    if with_p:
        fields.append("" if line["p"] is None else f"{line['p']:.3g}")
    fields += [f"{line[total_name]:.4f}", f"{line['words']}", f"{line['unknown_words']}"]
    rows = ["\t".join([*fields, shown(line["text"])]) + "\n"]
    for word in line.get("per_word", ()):
        log_p = "" if word[total_name] is None else f"{word[total_name]:.4f}"
        rows.append(f"\t{word['surprise']:.4f}\t{log_p}\t{shown(word['word'])}\n")
    return "".join(rows)
