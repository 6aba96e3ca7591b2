"""The Hub side: the dataset name that `load_dataset` answers to, and the builder behind it."""
