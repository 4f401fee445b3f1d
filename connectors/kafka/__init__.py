"""Kafka: topics, the decoder of usage events, and the producer of results."""
