"""The same learner on several machines: Ray actors, each with its share of the stream."""
