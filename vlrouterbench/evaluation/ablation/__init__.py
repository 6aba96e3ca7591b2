"""Training and evaluating a grid of settings that differ in one respect, with paired intervals."""
