"""Samples that lmms-eval logs."""
