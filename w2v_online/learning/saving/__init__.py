"""Copies the learner's state to disk while learning goes on."""
