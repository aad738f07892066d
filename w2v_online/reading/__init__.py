"""Word vectors for reading: look-ups, neighbors, word2vec files. No training code."""
