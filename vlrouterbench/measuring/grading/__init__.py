"""Grading: an answer's text and the gold answers -> quality in [0, 1], by stated rules or by a judge."""
