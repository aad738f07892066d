"""Warm start: whether ``--init`` keeps the quality of a batch model, and learns new words.

Usage: python -m benchmarks.warmstart TEXT [--words 10000000] [--epochs 5]

gensim learns the first part of TEXT in several epochs, the daemon continues from its file with the
last ``--words`` words in one pass. Prints scores before and after, by
``w2v_online.analysis.evaluation``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from gensim.models import word2vec
from gensim.test.utils import datapath

from w2v_online import WordVectors, load_vectors
from w2v_online.analysis.evaluation import evaluate_word_analogies, evaluate_word_pairs

_RESTRICT_VOCAB = 30_000


def _print_scores(name: str, wv: WordVectors) -> None:
    pairs = [evaluate_word_pairs(wv, datapath(f)) for f in ("wordsim353.tsv", "simlex999.txt")]
    analogies = evaluate_word_analogies(
        wv,
        datapath("questions-words.txt"),
        restrict_vocab=_RESTRICT_VOCAB,
        methods=("3cosadd",),
    )
    print(
        f"{name}: {len(wv):,} words, WordSim-353 {pairs[0].spearman:.4f}, "
        f"SimLex-999 {pairs[1].spearman:.4f}, analogies {analogies.total.accuracy['3cosadd']:.4f}"
    )


def _split(text: Path, last_words: int, folder: Path) -> tuple[Path, Path]:
    """Cut the text into a first part and one of about ``last_words`` words."""
    lines = text.read_bytes().splitlines(keepends=True)
    first = len(lines)
    while first and last_words > 0:
        first -= 1
        last_words -= len(lines[first].split())
    parts = folder / "first.txt", folder / "rest.txt"
    parts[0].write_bytes(b"".join(lines[:first]))
    parts[1].write_bytes(b"".join(lines[first:]))
    return parts


def main() -> None:
    """Learn with gensim, go on with the daemon, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--words", type=int, default=10_000_000)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, rest = _split(args.text, args.words, folder)
        model = word2vec.Word2Vec(corpus_file=str(first), sg=1, epochs=args.epochs, workers=1)
        model.wv.save_word2vec_format(str(folder / "gensim.bin"), binary=True)
        old = load_vectors(folder / "gensim.bin")
        _print_scores(f"gensim, {args.epochs} epochs", old)
        with rest.open("rb") as stream:
            options = ["--init", str(folder / "gensim.bin"), "--snapshot-dir", str(folder / "s")]
            command = [sys.executable, "-m", "streamer", "run", *options]
            subprocess.run(command, stdin=stream, stderr=subprocess.DEVNULL, check=True)
        new = load_vectors(folder / "s")
        _print_scores(f"after {new.manifest['totals']['words']:,} more words", new)
        print(f"new words {len(set(new.words) - set(old.words)):,}")


if __name__ == "__main__":
    main()
