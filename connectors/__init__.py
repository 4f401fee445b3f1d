"""Adapters: one folder per technology, plus the three edge modules settings, clock and wiring."""
