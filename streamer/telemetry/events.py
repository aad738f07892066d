"""Every event that a daemon logs; names and fields are stable."""

from __future__ import annotations

from streamer.catalog import Event
from streamer.telemetry import reports

_WRITTEN = {
    "path": "folder of the snapshot",
    "words": "words of the stream that it holds",
    "vocabulary": "words that have a vector",
    "seconds": "time it took",
    "pause_seconds": "time that learning stood still for it",
}
_TOTALS = {
    "records": "records learned, by all processes",
    "words": "words learned, by all processes",
    "dropped_tokens": "tokens longer than --max-token-bytes, which were dropped",
    "vocabulary": "words that have a vector",
    "candidates": "words that are counted and have no vector yet",
    "forgotten_candidates": "candidates that gave way to others",
    "evicted_words": "words that lost their vector to more frequent ones",
    "max_missed_count": "the most by which a count may be too low",
}
_UNSAVED = {
    "signal": "the signal",
    "words": "words learned since the last snapshot",
    "seconds": "time since all that was learned was on disk",
    "note": "what that means",
}

_DAEMON = (
    Event(
        "compiling_kernels",
        "info",
        "Compiling kernels for {what}, once for each machine and version: {seconds} s so far.",
        {"what": "what needs them", "seconds": "time it has taken so far"},
    ),
    Event(
        "kernel_cache_unusable",
        "warning",
        "The cache of compiled kernels cannot be used: {reason}.",
        {"reason": "why", "note": "what follows, and what to do"},
    ),
    Event(
        "started",
        "info",
        "Learning from {source}; snapshots go to {snapshot_dir}.",
        {
            "version": "of w2v-stream",
            "source": "where text comes from, as --source names it",
            "snapshot_dir": "folder of snapshots",
            "memory_ceiling_mib": "the most memory that the learner takes, in MiB",
        },
    ),
    Event(
        "resumed",
        "info",
        "Resuming from {snapshot}: {words:,} words.",
        {"snapshot": "the snapshot", **_TOTALS},
    ),
    Event(
        "warm_start",
        "info",
        "Starting with {words:,} vectors of {file}.",
        {
            "file": "the file of --init",
            "words": "words that were taken over",
            "left_out": "words that were not, because they repeat or cannot be words here",
        },
    ),
    Event(
        "options_changed",
        "warning",
        "These options differ from those of the snapshot: {options}.",
        {"options": "each with its value there"},
    ),
    Event(
        "nothing_learned",
        "error",
        "Nothing was learned: {reason}.",
        {"reason": "why", "invalid_records": "records that could not be decoded"},
    ),
    Event(
        "vocabulary_empty",
        "warning",
        "None of {words:,} words has a vector: none occurred {min_count} times (--min-count).",
        {"words": "words learned, by all processes", "min_count": "occurrences that are needed"},
    ),
    Event(
        "reading_terminal",
        "info",
        "Reading from the terminal: type text and end it with Ctrl-D.",
        {"note": "what to do"},
    ),
    Event(
        "progress",
        "info",
        "{words_per_second:,} words/s, {words:,} words, vocabulary {vocabulary:,}.",
        {
            "words_per_second": "since the last such event",
            "words": "words learned, by all processes",
            "vocabulary": "words that have a vector",
            "loss": "loss of all pairs, divided by the number of positive pairs; this and the next "
            "two are over the last 200,000 words or so",
            "loss_per_positive": "mean loss of a positive pair",
            "loss_per_negative": "mean loss of a negative pair",
            "snapshot_age_seconds": "time since the last snapshot",
        },
        has_figures=True,
    ),
    Event("stopping", "info", "{signal}: {note}.", _UNSAVED),
    Event(
        "exited_at_once",
        "error",
        "{signal} again: exited at once; {words:,} words since the last snapshot are lost.",
        _UNSAVED,
    ),
    Event(
        "stopped",
        "info",
        "Stopped ({reason}).",
        {
            "reason": "signal or end of input",
            "note": "what was special",
            "words_per_second": "mean rate from start to end",
            "invalid_records": "records that could not be decoded, by all processes",
            "alerts_sent": "with --alerts: alerts that arrived, all targets together",
            "alerts_suppressed": "alerts that were counted into another one of their kind",
            "rollbacks": "cluster: times that all workers went back to a checkpoint",
            **_TOTALS,
        },
        has_figures=True,
    ),
    Event(
        "incomplete",
        "error",
        "The final snapshot failed: everything learned since the previous one is lost.",
        {"note": "what that means"},
    ),
    Event(
        "annealing_started",
        "info",
        "The input has ended; annealing on the last {words:,} words, {passes} passes.",
        {"passes": "passes over the kept text", "words": "words of it"},
    ),
    Event("annealing", "info", "Annealing: {done:.0%} done.", {"done": "share that is done"}),
    Event(
        "annealing_stopped",
        "info",
        "Annealing was stopped; the vectors of the last checkpoint stay published.",
        {"note": "what that means"},
    ),
    Event(
        "annealed_written",
        "info",
        "Annealed vectors {path}.",
        {"path": "folder of the vectors", "seconds": "time it took"},
    ),
    Event(
        "annealing_failed",
        "error",
        "The newest snapshot could not be annealed; it is tried again with the next: {reason}.",
        {"reason": "what the process that anneals said last", "failures": "how often it failed"},
    ),
    Event("reloaded", "info", "The configuration was read again.", has_options=True),
    Event(
        "restart_needed",
        "warning",
        "These options have changed and need a restart: {options}.",
        {"options": "their names"},
    ),
    Event(
        "reload_failed",
        "error",
        "The new configuration is wrong, nothing was changed: {reason}.",
        {"reason": "what is wrong", "note": "what follows"},
    ),
)

_TEXT = (
    Event(
        "records_invalid",
        "warning",
        "{invalid:,} of the last {records:,} records are invalid: {reason}.",
        {
            "invalid": "records that could not be decoded, since the last check",
            "records": "all records since the last check",
            "reason": "what is wrong with the first of them",
            "total_invalid": "records that could not be decoded, by all processes",
        },
    ),
)

_CHECKPOINTS = (
    Event(
        "snapshot_written",
        "info",
        "Snapshot {path}: {words:,} words, vocabulary {vocabulary:,}.",
        _WRITTEN,
    ),
    Event(
        "vectors_written",
        "info",
        "Vectors {path}: {words:,} words, vocabulary {vocabulary:,}.",
        _WRITTEN,
    ),
    Event(
        "word_changing",
        "info",
        "{word} is changing ({score} times as usual): now near {neighbors}.",
        {
            "word": "a word with 1,000 occurrences or more whose use has begun to change",
            "score": "how far its vector has left its average, by what is usual",
            "count": "its occurrences",
            "neighbors": "the nearest words now",
        },
    ),
    Event(
        "changes_unread",
        "warning",
        "The change scores of {path} cannot be read: {reason}.",
        {"path": "folder of the snapshot", "reason": "why"},
    ),
    Event(
        "snapshot_failed",
        "error",
        "A snapshot could not be written: {reason}. It is tried again.",
        {"reason": "why", "failures": "failures since the start"},
    ),
    Event(
        "folder_not_locked",
        "warning",
        "The file system of {path} has no locks: no other w2v-stream must write there.",
        {"path": "the folder of snapshots"},
    ),
    Event(
        "snapshot_left_out",
        "warning",
        "No snapshot is written: it would have no vectors, and the newest one in {path} has some.",
        {"path": "the folder of snapshots"},
    ),
    Event(
        "snapshot_damaged",
        "error",
        "A snapshot is damaged: {reason}. Trying the one before.",
        {"reason": "what is wrong with it", "action": "what happens now"},
    ),
    Event(
        "prune_failed",
        "error",
        "An old snapshot could not be deleted: {reason}.",
        {"reason": "why"},
    ),
    Event(
        "quality_probe",
        "info",
        "Quality on {file}.",
        {
            "file": "the file of --probe",
            "spearman": "rank correlation with the file's similarities",
            "pairs": "pairs that were asked",
            "unknown_pairs": "pairs with a word that has no vector",
            "accuracy": "share of analogies that were solved",
            "questions": "analogies that were asked",
            "unknown_questions": "analogies with a word that has no vector",
        },
    ),
)

_HTTP = (
    Event("http_listening", "info", "Serving http://{address}/.", {"address": "host and port"}),
    Event(
        "http_unprotected",
        "warning",
        "The HTTP server can be reached from other machines and asks for no token.",
        {"note": "what that means"},
    ),
    Event(
        "status_failed",
        "warning",
        "The status for the page could not be read: {reason}. It is tried again.",
        {"reason": "why"},
    ),
)

_CLUSTER = (
    Event(
        "epoch_started",
        "info",
        "Epoch {epoch}: {readers} workers read {pieces} pieces of the stream.",
        {
            "epoch": "its number",
            "pieces": "partitions or logs",
            "readers": "workers that read",
            "members": "machine and process of each actor",
            "worker_memory_ceiling_mib": "the most memory that a worker takes, in MiB",
            "shard_memory_ceiling_mib": "the most memory that a shard takes, in MiB",
        },
    ),
    Event(
        "waiting",
        "info",
        "Waiting for {members}: {note}.",
        {"members": "actors that have not answered", "note": "what Ray has free"},
    ),
    Event(
        "rolled_back",
        "warning",
        "{reason}; all workers go back to {to}.",
        {
            "reason": "what happened",
            "replaced": "actors that were replaced",
            "to": "the snapshot, or the beginning",
        },
    ),
    Event(
        "workers_joined",
        "info",
        "The model is old enough: {workers} workers learn from now on.",
        {"workers": "workers that read", "words": "words learned"},
    ),
    Event(
        "barrier",
        "debug",
        "Barrier: learning stood still for {seconds} seconds.",
        {"seconds": "time that learning stood still", "checkpoint": "safe, writing or failed"},
    ),
    Event("ray", "debug", "Ray: {message}", {"message": "a line that Ray printed"}),
)

_ALERTS = (
    Event(
        "alerts_began",
        "info",
        "{records:,} records were scored; alerts are sent from now on.",
        {"records": "records scored so far"},
    ),
    Event(
        "alert_measure_changed",
        "warning",
        "Surprise is measured by {now}, not by {was}: a new warm-up begins.",
        {"was": "as the snapshot has it", "now": "as this run has it"},
    ),
    Event(
        "alerts_failed",
        "warning",
        "An alert could not be sent to topic {topic}: {reason}.",
        {"topic": "the topic", "reason": "why"},
    ),
    Event(
        "alerts_wait",
        "error",
        "{messages} alerts could not be stored in topic {topic}: {reason}. "
        "Checkpoints wait until they are.",
        {
            "topic": "the topic",
            "messages": "number of alerts",
            "reason": "why",
            "retry_seconds": "pause before the next attempt",
        },
    ),
    Event(
        "alerts_not_written",
        "error",
        "Alerts cannot be written to {target}: {reason}. Checkpoints wait until they are.",
        {"target": "the file", "reason": "why"},
    ),
    Event(
        "alerts_dropped",
        "warning",
        "Alerts for {target} were dropped: {reason}.",
        {"target": "the value of --alerts, without secrets", "reason": "why"},
    ),
)

_PUBLISHING = (
    Event(
        "published",
        "info",
        "{to} holds the {words} words of {snapshot}: {upserted} were sent, {deleted} deleted.",
        {
            "snapshot": "its name",
            "to": "the store's URL, without a password",
            "upserted": "words sent, because they are new or moved",
            "deleted": "words that have gone",
            "words": "words that the store holds",
            "left_out": "words that the store cannot hold",
            "sent_bytes": "size of what was sent, roughly",
            "seconds": "time that it took",
        },
    ),
    Event(
        "store_empty",
        "warning",
        "{to} is empty, though {words} words had been sent to it: all words are sent again.",
        {"to": "the store's URL, without a password", "words": "words that had been sent"},
    ),
    Event(
        "publish_failed",
        "warning",
        "The store was not brought up to date: {reason}. It is tried again.",
        {"reason": "why", "retry_seconds": "pause before the next attempt"},
    ),
    Event(
        "snapshot_unreadable",
        "warning",
        "The newest snapshot cannot be read: {reason}.",
        {"reason": "why"},
    ),
)

SECTIONS: dict[str, tuple[Event, ...]] = {
    "daemon": _DAEMON,
    "text": _TEXT,
    "snapshots": _CHECKPOINTS,
    "alerts": _ALERTS,
    "HTTP": _HTTP,
    **{f"source {name}": events for name, events in reports.EVENTS.items()},
    "cluster": _CLUSTER,
    "publish": _PUBLISHING,
}
"""Events by who logs them."""

EVENTS = {event.name: event for events in SECTIONS.values() for event in events}
"""Events by name."""

COMMON = {
    "timestamp": "UTC, ISO 8601",
    "level": "debug, info, warning or error",
    "event": "the name",
    "worker": "cluster: number of the worker that logged it",
}
"""Fields of every line."""
