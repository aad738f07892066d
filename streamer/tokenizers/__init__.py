"""Tokenizers by name: text to tokens, one noun a file; :mod:`.registry` opens them."""
