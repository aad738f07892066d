"""Kafka as a source: a consumer in a thread of its own, and the pipeline's side of it.

``config`` turns settings into kafka-python's, ``values`` takes the text out of record batches,
``start`` decides where a partition begins, ``poller`` is the thread with the consumer,
``handover`` what passes between the threads, ``source`` the pipeline's side.
"""
