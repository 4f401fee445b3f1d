"""The deterministic simulation: the money path in one process, a fault at every step, and the books compared at the end."""
