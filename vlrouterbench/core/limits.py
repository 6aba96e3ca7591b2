"""Limits on what is read from others: one place for all of them, each with the reason for its size.

Decisions
- A limit lies well above what anyone saves on purpose, and low enough that the largest input within all limits is read
  in seconds and in less than a gigabyte.
- What exceeds one is refused as a whole with one message, or named in `left_out`; nothing is cut short silently.
"""

from __future__ import annotations

NAME_CHARACTERS = 200
"""Characters of a candidate's, router's or dataset's name: it becomes part of file names, which end at 255 bytes."""

PRICE_FILE_BYTES = 64 * 2**20
"""Of a price list; the largest that is published has 4 MB."""
YAML_BYTES = 256 * 2**10
"""Of a YAML file: its reader takes about 10 s per megabyte. That is some 4,000 candidates."""
YAML_DEPTH = 16
CANDIDATES = 10_000
"""Rows of a file of candidates or prices."""
