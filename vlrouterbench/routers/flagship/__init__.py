"""The best router of the project: base learners, stacked and calibrated."""
