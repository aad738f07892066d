"""Kafka as a source: a consumer in a thread of its own, and the pipeline's side of it.

``config`` turns settings into kafka-python's, ``connection`` makes the consumer, ``values`` takes
the text out of record batches, ``start`` decides where a partition begins, ``poller`` is the
thread, ``commits`` tells the group, ``handover`` is what passes between the threads, ``source`` the
pipeline's side.
"""
