"""Text to learn from that nobody wrote."""

from __future__ import annotations

import numpy as np


def zipf_text(lines: int, seed: int = 11) -> bytes:
    """Lines of 60 words, of 900 different ones, by Zipf's law."""
    rng = np.random.default_rng(seed)
    words = [rng.zipf(1.3, 60).clip(1, 900) for _ in range(lines)]
    return b"".join(b" ".join(b"w%d" % word for word in line) + b"\n" for line in words)
