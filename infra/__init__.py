"""Where the system runs: the engines natively or in containers, with the same settings."""
