"""Character n-grams of words in files, by the kernels: found, summed, fitted to vectors."""
