"""Seeded mutations of everything that the commands read from others."""
