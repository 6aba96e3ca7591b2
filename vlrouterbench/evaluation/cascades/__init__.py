"""Cascades: policies that ask one candidate, look at its answer, and may ask another one; every call is charged."""
