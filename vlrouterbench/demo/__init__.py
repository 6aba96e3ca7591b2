"""The routing demo: a page that decides, explores, ranks and routes batches, from one folder of its own."""
