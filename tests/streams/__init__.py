"""Tests of the Faust shell."""
