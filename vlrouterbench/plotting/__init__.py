"""Figures as SVG text, and the pages that hold them: one file each, no network."""
