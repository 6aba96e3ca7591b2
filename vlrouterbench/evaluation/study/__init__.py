"""Families compared over several splits, on frontiers, on datasets left out and on new candidates."""
