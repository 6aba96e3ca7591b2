"""From logs or own tables to a benchmark folder, and from a benchmark folder to arrays."""
