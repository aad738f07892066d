"""Redis streams as a source: batches of entries, with the ids of the last ones as the position.

The server keeps no state for a reader (XREAD, no consumer group): a checkpoint holds the id of the
last entry that was learned of each stream, and reading goes on behind it. Ids only grow, so each
entry is learned exactly once, whenever the process is killed. What was trimmed from a stream before
it was read is lost, which is said.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from redis.connection import parse_url
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from streamer.errors import ConfigurationError, SourceError
from streamer.sources.batching import BATCH_BYTES
from streamer.sources.redis.settings import RedisSettings
from streamer.sources.redis.trail import Trail
from streamer.text.batch import Batch, MessageList, Origin

BATCH_ENTRIES = 2000
"""Entries read at a time: trained in a fraction of a second, so signals are answered soon. Of long
ones as many as make ``BATCH_BYTES``, as far as those before them tell."""

_FIRST_ENTRIES = 32
"""Entries read at first, when nobody knows yet how long they are; twice as many each time."""

WAIT_MILLISECONDS = 250
"""Longest wait for entries before the caller gets an empty batch."""

ANSWER_SECONDS = 10.0
"""Longest wait for an answer."""

RETRY_SECONDS = (0.5, 10.0)
"""Shortest and longest pause before Redis is tried again."""

CHECK_SECONDS = 5.0
"""How often streams are looked at for entries that were removed before they were read."""

REPEAT_SECONDS = 60.0
"""Pause between two warnings about entries without the field."""

_MOST_COUNTED = 100_000
"""Entries that are counted at most; what is read between two checks is less."""

_BEGINNING = "0-0"


def connect(settings: RedisSettings) -> Any:
    """A client that connects when it is first asked; ConfigurationError if the address is wrong."""
    password = settings.redis_password
    options: dict[str, Any] = {} if password is None else {"password": password.get_secret_value()}
    options |= {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
    # Answers come as they are read here, whatever the URL's parameters say.
    fixed = {"protocol": 2, "decode_responses": False, "encoding": "utf-8"}
    try:
        named = parse_url(settings.redis_url)  # type: ignore[no-untyped-call]
        named.pop("legacy_responses", None)
        pool = redis.ConnectionPool(**{**options, **named, **fixed})
        pool.connection_class(**pool.connection_kwargs)  # connects to nothing
    except (ValueError, TypeError) as error:
        reason = str(error).rpartition("__init__() ")[2]
        raise ConfigurationError(f"--redis-url {settings.redis_url}: {reason}") from error
    client = redis.Redis(connection_pool=pool)
    client.auto_close_connection_pool = True
    return client


class RedisSource:
    """Entries of streams; the value of ``--redis-field`` is a message, a record for each line.

    The position is ``{stream: {"entry": id, "index": n, "before": [id]}}``: the last entry that was
    read of each, how many entries had ever been added up to it, and some that were read before.
    Raises ConfigurationError if the address is wrong.
    """

    name = "redis"

    def __init__(self, settings: RedisSettings, position: dict[str, Any], log: Any) -> None:
        self._redis = connect(settings)
        self._field = settings.redis_field.encode()
        self._log = log
        # What other streams the checkpoint knows is kept: they may be read again some day.
        self._position: dict[str, dict[str, Any]] = _checked(position)
        self._streams = settings.redis_stream
        self._trails = {
            stream: Trail(self._position.get(stream, {}).get("before", ()))
            for stream in self._streams
        }
        self._begun: set[str] = set()
        self._check_at = self._retry_at = 0.0
        self._pause = RETRY_SECONDS[0]
        self._count = _FIRST_ENTRIES
        self._warned_at = -REPEAT_SECONDS
        self._messages = self._errors = self._without_text = self._lost = 0
        self._is_connected = False

    @property
    def position(self) -> dict[str, Any]:
        """See the class."""
        position = {stream: dict(place) for stream, place in self._position.items()}
        for stream, trail in self._trails.items():
            if stream in position:
                position[stream]["before"] = trail.ids
        return position

    @property
    def is_connected(self) -> bool:
        """Whether Redis has answered the last question."""
        return self._is_connected

    @property
    def is_stalled(self) -> bool:
        """A question that is not answered is an error of the connection."""
        return False

    def next_batch(self) -> Batch | None:
        """What has arrived; see :class:`streamer.sources.base.Source`."""
        if time.monotonic() < self._retry_at:
            time.sleep(WAIT_MILLISECONDS / 1000)
            return Batch(b"", self.position)
        try:
            if time.monotonic() >= self._check_at:
                self._check_streams()
            read: Any = self._redis.xread(
                {stream: self._position[stream]["entry"] for stream in self._streams},
                count=self._count,
                block=WAIT_MILLISECONDS,
            )
        except (AuthenticationError, NoPermissionError) as error:
            raise SourceError(f"Redis refuses: {error}; see --redis-password") from error
        except RedisError as error:
            self._failed(error)
            return Batch(b"", self.position)
        self._is_connected, self._pause = True, RETRY_SECONDS[0]
        return self._batch(read)

    def _check_streams(self) -> None:
        """See whether each stream still is the one that was read, and whole behind it."""
        for stream in self._streams:
            told: Any = self._redis.xinfo_stream(stream) if self._redis.exists(stream) else {}
            # Entries that were added and are there no more; servers before 7.0 do not tell.
            removed = max(0, told.get("entries-added", 0) - told.get("length", 0))
            place = self._position.setdefault(stream, {"entry": _BEGINNING, "index": removed})
            is_before = told and _number(told["last-generated-id"]) < _number(place["entry"])
            added = told.get("entries-added", place["index"])
            has_lost = is_before or added < place["index"]
            if has_lost and self._is_known(stream):
                place["index"] = added - self._unread_of(stream)
                if is_before:
                    place["entry"] = told["last-generated-id"].decode()
                self._log.warning("redis_stream_shorter", stream=stream, entry=place["entry"])
            elif has_lost:
                self._log.warning("redis_stream_recreated", stream=stream, entry=place["entry"])
                entry = _BEGINNING if is_before else place["entry"]
                place |= {"entry": entry, "index": 0 if is_before else self._read_of(stream)}
                self._trails[stream] = Trail()
            elif place["entry"] != _BEGINNING:
                self._trails[stream].note(place["entry"], time.monotonic())
            if removed > place["index"]:
                lost = removed - place["index"]
                self._lost += lost
                self._log.error(
                    "redis_entries_trimmed", stream=stream, entry=place["entry"], lost=lost
                )
                place["index"] = removed
            if stream not in self._begun:
                self._begun.add(stream)
                self._log.info("redis_stream_begun", stream=stream, entry=place["entry"])
        if not self._is_connected:
            where = self._redis.connection_pool.connection_kwargs
            self._log.info("redis_connected", address=f"{where.get('host')}:{where.get('port')}")
        self._check_at = time.monotonic() + CHECK_SECONDS

    def _is_known(self, stream: str) -> bool:
        """Whether an entry is in the stream that was read of it before."""
        before = self._trails[stream].ids
        return any(self._redis.xrange(stream, min=entry, max=entry) for entry in before)

    def _unread_of(self, stream: str) -> int:
        """How many entries there are that were not read."""
        last = self._position[stream]["entry"]
        return len(self._redis.xrange(stream, min=f"({last}", count=_MOST_COUNTED))

    def _read_of(self, stream: str) -> int:
        """How many entries of a stream that was made anew were read since it was last checked."""
        last = self._position[stream]["entry"]
        return len(self._redis.xrange(stream, max=last, count=_MOST_COUNTED))

    def _failed(self, error: RedisError) -> None:
        self._is_connected, self._check_at = False, 0.0
        self._errors += 1
        reason = " ".join(str(error).split()) or type(error).__name__
        self._log.warning("redis_unreachable", reason=reason, retry_seconds=self._pause)
        self._retry_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, RETRY_SECONDS[1])

    def _batch(self, read: list[Any]) -> Batch:
        messages: list[tuple[Origin, bytes]] = []
        read_bytes = 0
        for name, entries in read:
            stream = name.decode()
            for entry_id, fields in entries:
                entry = entry_id.decode()
                place = self._position[stream]
                if not self._trails[stream]:
                    self._trails[stream].note(entry, time.monotonic())
                place |= {"entry": entry, "index": place["index"] + 1}
                self._messages += 1
                read_bytes += sum(map(len, fields.values()))
                value = fields.get(self._field)
                if value is None:
                    self._say_missing(stream, fields)
                elif value:
                    messages.append(({"stream": stream, "entry": entry}, value))
        if read:
            longest = max(len(entries) for _, entries in read)
            fitting = BATCH_BYTES * longest // max(1, read_bytes)
            self._count = max(1, min(fitting, 2 * self._count, BATCH_ENTRIES))
        listed = MessageList(messages)
        return Batch(listed.records, self.position, messages=listed)

    def _say_missing(self, stream: str, fields: dict[bytes, bytes]) -> None:
        self._without_text += 1
        now = time.monotonic()
        if now - self._warned_at >= REPEAT_SECONDS:
            self._warned_at = now
            self._log.warning(
                "redis_field_missing",
                stream=stream,
                field=self._field.decode(),
                fields=", ".join(sorted(key.decode(errors="replace") for key in fields)[:10]),
                total=self._without_text,
            )

    def stop(self) -> Batch | None:
        """Nothing: what was not read yet is read by the next run."""
        return None

    def figures(self) -> dict[str, float]:
        """Messages and errors, for the progress event."""
        return {
            "messages": self._messages,
            "source_errors": self._errors,
            "messages_without_text": self._without_text,
            "lost_messages": self._lost,
        }

    def commit(self, position: dict[str, Any]) -> None:
        """Nobody is told: only checkpoints hold the position."""

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


def _checked(position: dict[str, Any]) -> dict[str, dict[str, Any]]:
    try:
        return {
            stream: {
                "entry": str(place["entry"]),
                "index": int(place["index"]),
                "before": [str(entry) for entry in place.get("before", ())],
            }
            for stream, place in position.items()
            if _number(place["entry"]) >= (0, 0)
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the checkpoint's Redis position is garbled ({error}); take an older snapshot"
        ) from error


def _number(entry: str | bytes) -> tuple[int, int]:
    """An entry's id as its two numbers, by which ids are ordered."""
    text = entry.decode() if isinstance(entry, bytes) else entry
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)
