"""Tests of invoicing/."""
