"""From samples to features: fitting the built-in encoder on train, and storing features beside a benchmark."""
