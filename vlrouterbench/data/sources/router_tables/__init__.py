"""Tables of outcomes as other routing benchmarks publish them."""
