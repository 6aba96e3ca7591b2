"""Cards: the README of a dataset or router repository, rendered from figures that a run produced."""
