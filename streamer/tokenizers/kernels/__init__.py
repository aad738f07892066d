"""Compiled kernels of the tokenizers: bytes in and out."""
