"""The w2v-stream daemon: sources, settings, checkpoints and commands round the learner."""
