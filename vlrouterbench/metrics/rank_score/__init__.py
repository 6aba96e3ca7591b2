"""The folder that `evaluate.load(vlrouterbench.METRIC_PATH)` reads; its Space folder is generated from it."""
