"""Receiving payment and config events on the real store."""
