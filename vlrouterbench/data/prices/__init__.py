"""Prices as files state them: strict numbers, units that make sense, published price lists."""
