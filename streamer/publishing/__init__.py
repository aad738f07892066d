"""Stores of vectors kept in step with a model: what differs is sent, nothing else."""
