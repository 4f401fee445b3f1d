"""The tests, the benchmarks and what they share."""
