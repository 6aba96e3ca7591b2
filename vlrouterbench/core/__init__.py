"""Names, errors, files and what else everything stands on."""
