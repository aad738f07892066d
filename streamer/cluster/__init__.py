"""The same learner on several machines: Ray actors, each with a share of the stream."""
