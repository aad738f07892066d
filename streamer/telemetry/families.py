"""Every metric that a daemon serves; names, labels and units are stable.

What a source adds is in :mod:`streamer.telemetry.reports`.

Counters begin at zero with each process (those of workers with each epoch); what the model is made
of is a gauge. Names end in their unit.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from streamer.catalog import Family

PREFIX = "w2v_stream_"

_KIND = {
    "kind": "`positive`: a word and its context; `negative`: with a word drawn from the noise, "
    "with --loss ns only"
}
_WORKER = {"worker": "number of the worker"}

_STATE = (
    Family("ready", "gauge", "1 if the daemon is ready, as /readyz says."),
    Family(
        "problem",
        "gauge",
        "1 if this is why the daemon is not ready, else 0.",
        {"problem": "name of the problem"},
    ),
    Family(
        "build_info",
        "gauge",
        "Always 1; the labels tell what runs.",
        {"version": "of w2v-stream", "python": "of Python"},
    ),
    Family(
        "http_requests",
        "counter",
        "HTTP requests answered.",
        {"path": "path that was asked for, or `other`", "code": "HTTP status"},
    ),
)

_LEARNED = (
    Family("read_bytes", "counter", "Bytes of text read from the source."),
    Family("records", "counter", "Records learned."),
    Family("words", "counter", "Words read."),
    Family("trained_words", "counter", "Words trained: in the vocabulary and kept by --sample."),
    Family("replayed_pairs", "counter", "Pairs of past text trained again by --replay."),
    Family("pairs", "counter", "Pairs trained.", _KIND),
    Family(
        "loss",
        "counter",
        "Sum of -log p over all pairs; its rate divided by that of pairs is the mean loss.",
        _KIND,
    ),
    Family("recent_loss", "gauge", "Mean loss of a pair over the last 200,000 words or so.", _KIND),
    Family("nodes", "counter", "Inner nodes of the Huffman tree trained, with --loss hs only."),
    Family(
        "errors",
        "counter",
        "Input that could not be learned as it was.",
        {
            "kind": "`invalid_record`: not decoded; `failed_tokenizer`: not split; `long_token`: "
            "dropped by --max-token-bytes"
        },
    ),
    Family("open_groups", "gauge", "With --group-by, records that are not complete yet."),
    Family("evicted_words", "counter", "Words that lost their vector to more frequent ones."),
    Family("forgotten_candidates", "counter", "Words forgotten before they got a vector."),
)

_MODEL = (
    Family("model_words", "gauge", "Words that the model has learned, in all processes."),
    Family("vocabulary_words", "gauge", "Words that have a vector."),
    Family("vocabulary_limit_words", "gauge", "Maximum number of words that have a vector."),
    Family("candidate_words", "gauge", "Words that are counted and have no vector yet."),
    Family("memory_ceiling_bytes", "gauge", "Maximum memory of the learner."),
    Family("queued_batches", "gauge", "Batches that wait for training threads."),
    Family(
        "learning_rate",
        "gauge",
        "Percentiles of the rows' learning rates.",
        {"matrix": "`input` or `output`", "percentile": "0, 10, 50, 90 or 100"},
    ),
)

_SNAPSHOTS = (
    Family("snapshots", "counter", "Snapshots written that a learner can resume from."),
    Family("vectors_snapshots", "counter", "Snapshots of vectors only written."),
    Family(
        "changing_words",
        "gauge",
        "Words with 1,000 occurrences or more whose use is changing, in the last snapshot.",
    ),
    Family("annealed_snapshots", "counter", "Annealed snapshots written by --anneal-every."),
    Family("annealing_failures", "counter", "Attempts of --anneal-every that failed."),
    Family("snapshot_failures", "counter", "Snapshots that could not be written."),
    Family("snapshot_age_seconds", "gauge", "Time since all that was learned was on disk."),
    Family(
        "snapshot_interval_seconds", "gauge", "Time between two snapshots; 0 if it is in words."
    ),
    Family("snapshot_duration_seconds", "gauge", "Time to write the last snapshot."),
    Family(
        "snapshot_pause_seconds", "gauge", "Time that learning stood still for the last snapshot."
    ),
    Family("snapshot_size_bytes", "gauge", "Size of the last snapshot."),
)

_TARGET = {"target": "the value of --alerts, without secrets"}

_ALERTS = (
    Family("scored_records", "counter", "Records scored before they were learned."),
    Family(
        "surprise_nats",
        "gauge",
        "Surprise of recent records: the share `p` of them is at least as surprising.",
        {"p": "0.5, 0.1, 0.01, 0.001 or 0.0001"},
    ),
    Family("unexpected_records", "counter", "Records worth an alert."),
    Family(
        "alerts_suppressed",
        "counter",
        "Alerts that were not sent as they came.",
        {
            "reason": "`kind`: counted into one of the same kind; `limit`: beyond --alert-limit; "
            "`muted`: of a kind that was muted on the page"
        },
    ),
    Family("alerts_sent", "counter", "Alerts that arrived.", _TARGET),
    Family("alerts_dropped", "counter", "Alerts that a target gave up; they are lost.", _TARGET),
)

_CLUSTER = (
    Family("cluster_epoch", "gauge", "Number of the epoch: times that all workers began."),
    Family("cluster_rollbacks", "counter", "Times that all workers went back to a checkpoint."),
    Family(
        "cluster_barrier_seconds", "gauge", "Time that learning stood still in the last barrier."
    ),
    Family("worker_words", "counter", "Words read.", _WORKER),
    Family("worker_exchanges", "counter", "Exchanges with the shards.", _WORKER),
    Family("worker_sent_bytes", "counter", "Bytes sent to the shards.", _WORKER),
    Family("worker_received_bytes", "counter", "Bytes received from the shards.", _WORKER),
    Family(
        "worker_waited_seconds", "counter", "Time that learning waited for an exchange.", _WORKER
    ),
    Family("worker_staleness_seconds", "gauge", "Age of the newest merged state.", _WORKER),
)

_TO = {"to": "URL of the store, without password"}

_STORES = (
    Family(
        "publish_lag_seconds",
        "gauge",
        "Age of the snapshot that a store holds, relative to the newest snapshot.",
        _TO,
    ),
    Family("publish_words", "gauge", "Words that a store holds.", _TO),
    Family("publish_upserted_words", "counter", "Words sent to a store.", _TO),
    Family("publish_deleted_words", "counter", "Words removed from a store.", _TO),
    Family("publish_sent_bytes", "counter", "Bytes sent to a store, roughly.", _TO),
    Family("publish_failures", "counter", "Attempts to publish that failed.", _TO),
)
"""Of the command publish, by itself (``--metrics``) and by the daemon or ``serve``."""

SECTIONS: dict[str, tuple[Family, ...]] = {
    "state": _STATE,
    "learning": _LEARNED,
    "model": _MODEL,
    "snapshots": _SNAPSHOTS,
    "alerts": _ALERTS,
    "cluster": _CLUSTER,
    "stores": _STORES,
}
"""Metrics by subject; those of sources come besides."""

FAMILIES = {family.name: family for families in SECTIONS.values() for family in families}
"""Metrics by name."""

Filled = CounterMetricFamily | GaugeMetricFamily


def one(name: str | Family, value: float) -> Filled:
    """A metric without labels, for a scrape."""
    return each(name, {(): value})


def each(name: str | Family, values: Mapping[str | tuple[str, ...], float]) -> Filled:
    """A metric with labels, for a scrape: a value for each of the labels' values."""
    family = FAMILIES[name] if isinstance(name, str) else name
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(PREFIX + family.name, family.help, labels=list(family.labels))
    for labels, value in values.items():
        metric.add_metric([labels] if isinstance(labels, str) else list(labels), value)
    return metric
