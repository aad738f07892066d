"""Tokenizers, which split text into tokens; the registry knows them by name."""
