"""Measures as pure functions of numpy arrays; imports nothing of ours but constants and error types."""
