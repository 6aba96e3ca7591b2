"""From features and soft labels to a trained router: one trainer for all families, every choice made on validation."""
