"""From samples to features: fitting the built-in encoder on the train split, and storing features beside a benchmark."""
