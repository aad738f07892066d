"""Bytes to records: splitting, decoding, JSON documents."""
