"""Servers that stand in for others, for tests: real sockets, scripted answers."""
