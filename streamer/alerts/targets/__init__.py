"""Where alerts go: JSON lines, a Kafka topic, or a webhook."""
