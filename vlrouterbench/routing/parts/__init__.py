"""Work that is cut into parts: one part gives one output file, whoever does it and however often it was stopped."""
