"""MMR-Bench, in its first and second form."""
