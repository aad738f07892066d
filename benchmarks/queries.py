"""How many nearest-neighbour queries a core answers, in batches and one at a time.

Usage: OPENBLAS_NUM_THREADS=1 taskset -c 1 python -m benchmarks.queries
           [--words 200000] [--vector-size 100] [--queries 1000]

Vectors are random: an exact search does the same work whatever they are.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from w2v_online import WordVectors

_ROUNDS = 5


def _best_seconds(act: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU time of the quickest of some rounds, each."""
    seconds = []
    for _ in range(_ROUNDS):
        began, cpu_began = time.perf_counter(), time.process_time()
        act()
        seconds.append((time.perf_counter() - began, time.process_time() - cpu_began))
    return min(wall for wall, _ in seconds), min(cpu for _, cpu in seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--queries", type=int, default=1000)
    args = parser.parse_args()
    generator = np.random.default_rng(1)
    shape = (args.words, args.vector_size)
    words = [f"w{number}" for number in range(args.words)]
    wv = WordVectors.from_arrays(words, generator.standard_normal(shape, np.float32))
    wv.table.prepare()
    asked = [words[i] for i in generator.integers(0, args.words, args.queries)]
    batched = _best_seconds(lambda: wv.most_similar_batch(asked, topn=10))
    single = _best_seconds(lambda: wv.most_similar(asked[0], topn=10))
    print(f"{args.words:,} words, vector_size {args.vector_size}, NumPy {np.__version__}")
    print(f"on {len(os.sched_getaffinity(0))} CPUs")
    for name, (wall, cpu), count in (
        (f"in batches of {args.queries:,}", batched, args.queries),
        ("one at a time", single, 1),
    ):
        print(f"{name}: {count / wall:,.0f} queries/s, {count / cpu:,.0f} a second of CPU time")


if __name__ == "__main__":
    main()
