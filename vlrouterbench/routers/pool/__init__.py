"""Pools that change after training."""
