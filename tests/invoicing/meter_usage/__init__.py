"""Metering on the real store."""
