"""The rules: every number is decided here. Standard library only; no I/O, no clock, no float."""
