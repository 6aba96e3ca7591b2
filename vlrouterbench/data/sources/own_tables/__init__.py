"""The user's own tables of samples and outcomes."""
