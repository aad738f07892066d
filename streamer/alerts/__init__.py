"""Alerts: records that the model did not expect, told while the stream is learned."""
