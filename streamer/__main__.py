"""``python -m streamer`` is ``w2v-stream``."""

from streamer.cli import entry_point

if __name__ == "__main__":
    entry_point()
