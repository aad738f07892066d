"""A worker in one epoch: a learner and its share of the stream, in a thread of its own.

Between two batches it exchanges updates with the shards; while an exchange is under way it learns a
little more, then waits for the answer. At a barrier it pauses in three steps, and no worker takes
the next one before all have taken this one: held, it has sent all it learned; merged, it has all
that the others sent, so all models are equal; released, it learns and sends again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ray.exceptions import RayError

from streamer.checkpoints.written import Written
from streamer.cluster.messages import Beginning, Checkpoint, Held, Report
from streamer.cluster.relay import Relay
from streamer.cluster.worker_log import WorkerLog
from streamer.cluster.writer import Writer
from streamer.config.cluster_settings import ClusterSettings
from streamer.daemon import build
from streamer.errors import ConfigurationError, SourceError
from streamer.sources.base import Opening, Share, Source
from streamer.sources.choice import shared_kind_of
from streamer.telemetry.counters import Counters
from streamer.text.batch import Batch
from streamer.tokenizers.base import Tokenizer
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.separators import RECORD_SEPARATOR
from w2v_online.sharing.exchange import Exchange
from w2v_online.sharing.merge import EpochError

IDLE_SECONDS = 0.25
"""Longest sleep of a worker that has nothing to read; a barrier ends it."""

SYNC_SECONDS = 10.0
"""Longest time between two exchanges if fewer than ``sync_every`` words arrive."""

END_SECONDS = 30.0

WORD_BYTES = 6
"""Approximate length of a word in a text."""

PIECES = 8
"""Minimum number of pieces that text between two exchanges is learned in."""

OVERLAP_PIECES = 32
"""At most this fraction of the interval is learned while an exchange is under way: shares that are
stable without delay overshoot if answers are an exchange late."""


class Session(threading.Thread):
    """Worker ``number`` from ``beginning`` on; to be started when the shards are loaded.

    Worker 0 writes the checkpoints.
    """

    def __init__(
        self,
        number: int,
        settings: ClusterSettings,
        beginning: Beginning,
        shards: Sequence[Any],
        tokenizer: Tokenizer,
        log: WorkerLog,
    ) -> None:
        super().__init__(name="learn", daemon=True)
        self._settings = settings
        self._tokenizer = tokenizer
        self._log = log
        self._kind = shared_kind_of(settings)
        config, identity = settings.learner_config, tokenizer.identity
        if number > 0:  # only worker 0 publishes
            config = config.model_copy(update={"averaging": False})
        self._learner = (
            OnlineWord2Vec(config, tokenizer=identity)
            if beginning.snapshot is None
            else OnlineWord2Vec.restore(Path(beginning.snapshot), config, tokenizer=identity)
        )
        if number:  # worker 0 continues as a single learner would
            self._learner.reseed(number, self._learner.total_words)
        self._exchange = Exchange(self._learner, len(shards), beginning.readers)
        self._relay = Relay(self._exchange, shards, number, beginning.epoch)
        self._writer = (
            Writer(settings, self._learner, beginning.positions, log) if number == 0 else None
        )
        self._dead_letters = self._kind.open_dead_letters(settings, lambda: self._is_over, log)
        self._decoder = build.make_decoder(settings, self._dead_letters, log)
        self._counters = Counters(self._learner.objective.figures)
        self._failed_before = tokenizer.failed_records
        self._turns = threading.Condition()
        self._is_held = self._is_over = self._has_ended = False
        self._is_midway = False  # between two positions, and for good if learning failed there
        self._failure = self._breakdown = ""
        self._words_since = 0
        self._exchanged_at = time.monotonic()
        self._position = beginning.positions.get(settings.source, {})
        self._share: Share = frozenset()
        self._source: Source | None = None
        self._read(beginning.share)

    @property
    def max_bytes(self) -> int:
        """Maximum memory besides text and updates in transit."""
        return self._learner.max_bytes + self._exchange.max_bytes

    def load_shards(self) -> None:
        """Load the checkpoint's state into the shards."""
        self._relay.load()

    # --- the thread ---

    def run(self) -> None:
        """Learn until the end or a failure, which the next report tells."""
        try:
            while self._turn():
                pass
        except RayError as error:
            self._breakdown = f"a shard does not answer: {type(error).__name__}"
        except (SourceError, ConfigurationError) as error:  # between two batches
            self._failure = str(error)
        except Exception as error:  # perhaps within a batch, so that the state is of no use
            self._breakdown = f"learning failed: {error!r}"

    def _turn(self) -> bool:
        """Learn one batch; False at the end."""
        with self._turns:
            while self._is_held and not self._is_over:
                self._turns.wait()
            if self._is_over:
                return False
            batch = self._next_batch()
            tokens = b"" if batch is None else self._tokenizer.tokenize(self._decoder.decode(batch))
            self._is_midway = True
            if batch is not None:
                self._learn(batch, tokens)
            self._exchange_if_due()
            if self._writer is not None:
                self._writer.advance()
            self._is_midway = False
        return True

    def _learn(self, batch: Batch, tokens: bytes | bytearray) -> None:
        """Learn a batch, in pieces if it is long compared with the time between two exchanges."""
        separated = self._tokenizer.is_separated
        record_end = RECORD_SEPARATOR if separated else b"\n"
        first, text_bytes = 0, len(batch.records)
        while first < len(tokens):
            interval = self._exchange.interval(self._settings.sync_every)
            pieces = OVERLAP_PIECES if self._relay.is_under_way else PIECES
            wanted = first + WORD_BYTES * interval // pieces
            end = tokens.find(record_end, wanted) + 1 or len(tokens)
            stats = self._learner.learn_text(tokens[first:end], separated=separated, wait=False)
            self._counters.add(stats, text_bytes)
            self._words_since += stats.words
            first, text_bytes = end, 0
            if first < len(tokens):
                self._exchange_if_due()
        self._position = batch.position

    def _next_batch(self) -> Batch | None:
        if self._source is None or self._has_ended:
            self._turns.wait(IDLE_SECONDS)
            return None
        batch = self._source.next_batch()
        self._has_ended = batch is None
        return batch

    def _exchange_if_due(self) -> None:
        """Exchange as often as the stream's growth demands.

        Not within a batch that a barrier waits for: it sends everything in the end, and the other
        workers should not have to wait for answers that a busy machine gives slowly.
        """
        if self._is_held:
            return
        now = time.monotonic()
        interval = self._exchange.interval(self._settings.sync_every)
        is_due = self._words_since >= interval or now - self._exchanged_at >= SYNC_SECONDS
        is_late = is_due or self._words_since >= interval // OVERLAP_PIECES
        if self._relay.is_under_way and (is_late or self._relay.is_answered()):
            self._relay.finish()
        if is_due:
            self._words_since, self._exchanged_at = 0, now
            self._relay.begin()

    # --- called by the driver, in other threads ---

    def hold(self) -> Held:
        """Pause after this batch, with all that was learned sent.

        Raises RayError, and EpochError if learning failed within a batch: no position is that of
        the model then.
        """
        self._is_held = True
        with self._turns:
            if self._is_midway:
                raise EpochError("learning has failed within a batch")
            self._counters.add(self._learner.flush())
            if not self._decoder.settle():
                raise SourceError("dead letters could not be stored")
            self._relay.finish()
            self._relay.begin(everything=True)
            self._relay.finish()
            self._words_since, self._exchanged_at = 0, time.monotonic()
            position = self._kind.part_of(self._position, self._share)
            return Held(position, self._invalid_records())

    def merge(self) -> None:
        """Merge all that the others sent, once all are held. Raises RayError."""
        with self._turns:
            self._relay.ask_everything()
            self._relay.finish()

    def release(self, share: Share, readers: int, checkpoint: Checkpoint) -> str:
        """Continue with a share once all have merged, unless the checkpoint is the last.

        ``readers`` workers have a share. Worker 0 returns the outcome of the checkpoint
        (:meth:`Writer.write`).
        """
        with self._turns:
            outcome = "" if self._writer is None else self._writer.write(checkpoint)
            if checkpoint.is_last:
                return outcome
            if readers != self._exchange.workers:
                self._exchange.share_among(readers)
            if share != self._share:
                self._position = checkpoint.position
                self._read(share)
            self._is_held = False
            self._turns.notify_all()
            return outcome

    def commit(self, position: dict[str, Any]) -> None:
        """A checkpoint with this position is on disk, and what the driver rolls back to."""
        if self._source is not None:
            self._source.commit(position)
        if self._writer is not None:
            self._writer.prune()

    def report(self) -> Report:
        """The state of the worker."""
        relay, source = self._relay, self._source
        return Report(
            stats=self._counters.sums,
            read_bytes=self._counters.bytes,
            invalid_records=self._decoder.invalid_records,
            failed_tokenizer=self._tokenizer.failed_records - self._failed_before,
            total_words=self._learner.total_words,
            vocabulary=len(self._learner.vocabulary),
            source={} if source is None else source.figures(),
            is_connected=source is None or source.is_connected,
            is_stalled=source is not None and source.is_stalled,
            has_ended=self._has_ended,
            failure=self._failure,
            breakdown=self._breakdown,
            exchanges=relay.exchanges,
            sent_bytes=relay.sent_bytes,
            received_bytes=relay.received_bytes,
            waited_seconds=relay.waited_seconds,
            staleness_seconds=relay.staleness_seconds(),
            written=Written() if self._writer is None else self._writer.written(),
            events=self._log.take(),
        )

    def end(self) -> None:
        """Stop learning and close everything; TimeoutError if learning hangs."""
        self._is_over = True
        if not self._turns.acquire(timeout=END_SECONDS):
            raise TimeoutError("the learning thread does not end")
        self._turns.notify_all()
        self._turns.release()
        if self.is_alive():
            self.join(END_SECONDS)
        if self._writer is not None:
            self._writer.cancel()
        self._close_source()
        if self._dead_letters is not None:
            self._dead_letters.close()

    def _invalid_records(self) -> int:
        failed = self._tokenizer.failed_records - self._failed_before
        return self._decoder.invalid_records + failed

    def _read(self, share: Share) -> None:
        """Read these pieces from now on, each from its position."""
        self._close_source()
        self._share = share
        settings = self._settings
        if share:
            opening = Opening(
                self._position, self._log, partial(build.make_splitter, settings), share=share
            )
            self._source = self._kind.open(settings, opening)
        self._has_ended = self._source is None and not self._kind.endless(settings)
        if self._source is not None:
            self._position = self._source.position

    def _close_source(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
