"""Routers over several benchmarks: one table, with what each gains in each and how they rank over all."""
