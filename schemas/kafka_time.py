"""Kafka times of records, in milliseconds."""

EARLIEST_MS = 1
"""That of a record that would have 0, which librdkafka takes for none and replaces by now."""
