"""Vectors of whole lines of text, by the kernels."""
