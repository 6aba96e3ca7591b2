"""Samples -> feature vectors: one folder per kind of encoder."""
