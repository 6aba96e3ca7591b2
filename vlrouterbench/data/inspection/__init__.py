"""What a benchmark holds, as figures and as one page."""
