"""Vectors for words without one: rare words, typos and what they cost, beside fastText.

Usage: python -m benchmarks.subwords --data TEXT --rare-words PAIRS [--fasttext EPOCHS...]
           [--replay N...] [--write-docs]

PAIRS is the Rare Words set (Luong et al. 2013), two words and a judgement a line. Every pair
counts: words without a vector get an inferred one. 300 typos are made by a seeded edit of words of
five letters or more; counted is how often the right word is nearest. fastText needs its package.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import quality, report, text
from benchmarks.programs import Program, Settings, Vectors, W2vStream
from w2v_online import WordVectors, load_vectors
from w2v_online.analysis.evaluation import Pair, read_pairs
from w2v_online.reading.similarities import Similarities

TYPOS = 300
LEAST_LETTERS = 5
FREQUENT_WORDS = 20_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Infer = Callable[[str], NDArray[np.float32]]


class FastTextNgrams(Program):
    """fastText with n-grams by the script benchmarks/fasttext_peer.py."""

    def __init__(self, epochs: int) -> None:
        super().__init__(f"fastText, {epochs} epoch{'s' if epochs > 1 else ''}")
        self._epochs = epochs

    def command(self, text: Path, output: Path, settings: Settings) -> list[str]:
        """See :class:`Program`."""
        options = json.dumps({**asdict(settings), "epochs": self._epochs})
        return [sys.executable, "-m", "benchmarks.fasttext_peer", str(text), str(output), options]

    def count(self, output: Path) -> tuple[None, int]:
        """One more than the text has: the end of a line."""
        return None, len(load_vectors(self.saved(output))) - 1

    def vectors(self, output: Path) -> Vectors:
        """Of the model."""
        opened = load_vectors(self.saved(output))
        return opened.words, np.array(opened.vectors)

    @staticmethod
    def saved(output: Path) -> Path:
        """The model's file."""
        return Path(f"{output}.bin")


def misspelled(word: str, generator: random.Random) -> str:
    """The word with a letter replaced, left out or put in, or two of them swapped."""
    at = generator.randrange(len(word) - 1)
    letter = generator.choice(LETTERS)
    return generator.choice(
        [
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )


def typos(words: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Misspelled words, none of which is in ``words``, and what they are made from."""
    generator = random.Random(seed)
    known, pool = set(words), [word for word in words if len(word) >= LEAST_LETTERS]
    made: dict[str, str] = {}
    while len(made) < TYPOS:
        word = generator.choice(pool)
        typo = misspelled(word, generator)
        if typo not in known:
            made[typo] = word
    return list(made.items())


def right_ones(wv: WordVectors, infer: Infer, made: list[tuple[str, str]]) -> float:
    """Percent of typos to which the right word is nearest."""
    answers = wv.most_similar_batch(np.stack([infer(typo) for typo, _ in made]), 1)
    hits = [near[0][0] == word for near, (_, word) in zip(answers, made, strict=True)]
    return 100 * float(np.mean(hits))


def rare_words(pairs: list[Pair], vector: Infer) -> float:
    """Spearman's correlation of all pairs, times 100."""
    from scipy.stats import spearmanr

    cosines = [
        Similarities.cosine_similarities(vector(pair.first), vector(pair.second)[None])[0]
        for pair in pairs
    ]
    return 100 * float(spearmanr(cosines, [pair.judgement for pair in pairs])[0])


def scores(wv: WordVectors, pairs: list[Pair], *, is_ours: bool) -> list[str]:
    """Cells: Rare Words by own vectors and by inferred ones; typos of all and of frequent words."""
    subwords = wv.subwords
    infer = wv.infer if is_ours or subwords is None else subwords.vector

    def own_or_inferred(word: str) -> NDArray[np.float32]:
        return wv[word] if word in wv else infer(word)

    inferred = rare_words(pairs, wv.infer) if is_ours else float("nan")
    all_typos, frequent = typos(wv.words, 1), typos(wv.words[:FREQUENT_WORDS], 2)
    known = [(typo, word) for typo, word in frequent if typo not in wv]
    return [
        f"{rare_words(pairs, own_or_inferred):.1f}",
        f"{inferred:.1f}" if is_ours else "",
        f"{right_ones(wv, infer, all_typos):.0f}",
        f"{right_ones(wv, infer, known):.0f}",
    ]


HEADER = [
    *("", "CPU seconds", "peak MiB", *quality.SCORES.values()),
    *("Rare Words", "all inferred", "typos %", "of frequent words %"),
]


def main() -> None:
    """Learn, score, publish."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--rare-words", type=Path, required=True, help="pairs with judgements")
    parser.add_argument("--fasttext", type=int, nargs="*", default=[], help="epochs of each run")
    parser.add_argument("--replay", type=int, nargs="*", default=[], help="--replay of more runs")
    report.add_docs_option(parser)
    options = parser.parse_args()
    pairs = read_pairs(options.rare_words)
    pairs = [Pair(p.first.lower(), p.second.lower(), p.judgement) for p in pairs]
    programs: list[Program] = [
        W2vStream("w2v-stream"),
        W2vStream("w2v-stream --subwords", "--subwords"),
        *(
            W2vStream(f"w2v-stream --subwords --replay {n}", "--subwords", f"--replay={n}")
            for n in options.replay
        ),
        *(FastTextNgrams(epochs) for epochs in options.fasttext),
    ]
    settings, cpus, rows = Settings(), sorted(os.sched_getaffinity(0)), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        prepared = text.prepare(options.data, folder)
        for program in programs:
            program.run(prepared.warm_up_path, settings, cpus, folder)
            usage = program.run(prepared.path, settings, cpus, folder)
            program.check(prepared, settings, folder)
            found = quality.evaluate(
                program.vectors(program.output(folder)), prepared.frequent(settings.min_count)
            )
            is_ours = not isinstance(program, FastTextNgrams)
            saved = program.output(folder)
            wv = load_vectors(saved if is_ours else FastTextNgrams.saved(saved))
            cells = [f"{usage.cpu_seconds:.1f}", f"{usage.peak_bytes / report.MIB:,.0f}"]
            cells += [f"{getattr(found, score):.1f}" for score in quality.SCORES]
            rows.append([program.name, *cells, *scores(wv, pairs, is_ours=is_ours)])
            print(rows[-1], flush=True)
    conditions = report.conditions(
        "subwords",
        f"Text: {prepared.name}, {prepared.words:,} words.",
        f"Settings: {report.listed(asdict(settings))}. Rare Words: {len(pairs):,} pairs.",
        "Whole processes, one after the other; CPU seconds are user and system time.",
        packages=["gensim", *(["fasttext-wheel"] if options.fasttext else [])],
    )
    report.publish_table("subwords", HEADER, rows, conditions, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
