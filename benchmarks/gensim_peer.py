"""gensim as a program: scan the vocabulary, train, save the vectors in binary.

Usage: python -m benchmarks.gensim_peer TEXT OUTPUT SETTINGS, the latter as JSON. Writes OUTPUT and
OUTPUT.json, which says how many words were read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gensim.models import word2vec


def main() -> None:
    """Train with the settings of the command line."""
    text, output, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if word2vec.FAST_VERSION < 0:
        sys.exit("this gensim lacks its compiled part; comparing with it would not be fair")
    options = {"sg": 1, "hs": 0, "epochs": 1, "workers": settings.pop("threads"), **settings}
    # corpus_file: gensim's fastest way in, it reads the text outside of the interpreter's lock.
    model = word2vec.Word2Vec(corpus_file=text, **options)
    model.wv.save_word2vec_format(output, binary=True)
    read = {"words": model.corpus_total_words, "vectors": len(model.wv)}
    Path(output + ".json").write_text(json.dumps(read))


if __name__ == "__main__":
    main()
