"""The measurements: `make bench`. Rates over at least 30 s, latencies over at least 50,000 events, peers in the same run."""
