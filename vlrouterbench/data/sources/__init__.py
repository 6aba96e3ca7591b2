"""Formats that a benchmark is built from."""
