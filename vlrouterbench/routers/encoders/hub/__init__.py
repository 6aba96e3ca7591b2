"""Pretrained encoders from the Hub or a folder."""
