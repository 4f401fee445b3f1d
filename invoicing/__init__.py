"""Use cases: load, decide by the rules of the domain, save. Synchronous on the batch side; no I/O library."""
