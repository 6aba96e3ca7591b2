"""The routing demo: a page that decides, explores, ranks and routes batches, with all its files in one folder."""
