"""Named speed comparisons: ours and a baseline on the same work, in one run, as a ratio."""
